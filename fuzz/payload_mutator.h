/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Structure-aware mutation for the harnesses of payload formats: half of the time the input is read into records, one
 * of them is changed, and the records are written again in a way the format allows. So the fuzzer reaches what lies
 * behind a well-formed frame; the other half of the time it changes bytes. The harness says what its input is by
 * defining FUZZ_FORMAT, FUZZ_BASE(data) and FUZZ_SKIP, the bytes in front of the body. */
#pragma once

#include "fuzz/payload_round.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned int seed);

static const int64_t fuzz_numbers[] = {0, -1, 127, 128, 255, 65535, INT32_MAX, INT64_MAX, INT64_MIN, 4294967296};

static void fuzz_change(struct record *records, size_t *count, unsigned seed)
{
	size_t i = *count == 0 ? 0 : seed / 8 % *count;
	struct record *one = &records[i];
	if (*count == 0 || (seed % 8 == 0 && *count < FUZZ_RECORDS_MAX)) {
		records[*count] = *count == 0 ? record_of(path_of_resource(3, 0, 9), value_integer(1)) : *one;
		(*count)++;
	} else if (seed % 8 == 1) {
		memmove(one, one + 1, (--*count - i) * sizeof *one);
	} else if (seed % 8 <= 3) {
		one->path.ids[seed / 64 % one->path.depth] = (uint16_t)(seed / 256);
	} else if (seed % 8 == 4) {
		one->path.depth = (uint8_t)(7 - one->path.depth); /* an instance becomes a resource, and back */
	} else if (seed % 8 == 5) {
		one->value = value_integer(fuzz_numbers[seed / 64 % 10]);
	} else if (seed % 8 == 6) {
		one->value = seed / 64 % 2 == 0 ? value_none() : value_float((double)seed / 7);
	} else {
		one->value = value_string(bytes_first(bytes_of_text("0123456789012345678901234567"), seed / 64 % 29));
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned int seed)
{
	static struct record records[FUZZ_RECORDS_MAX + 1];
	static uint8_t memory[65536], out[65536];
	size_t skip = FUZZ_SKIP;
	struct arena scratch = {memory, 0, sizeof memory};
	struct writer w = writer_of(out, max < sizeof out ? max : sizeof out);
	size_t count = 0;
	if (seed % 2 == 0 || len < skip || max <= skip)
		return LLVMFuzzerMutate(data, len, max);
	(void)fuzz_read(FUZZ_FORMAT, FUZZ_BASE(data), bytes_from(bytes_of(data, len), skip), &scratch, records, &count);
	for (unsigned n = 1 + seed / 2 % 3; n > 0; n--)
		fuzz_change(records, &count, seed / 8 * n);
	write_bytes(&w, bytes_of(data, skip));
	struct writer body = writer_of(w.at, writer_left(&w));
	if (payload_encode(FUZZ_FORMAT, FUZZ_BASE(data), records, count, &body) != PAYLOAD_GOOD)
		return LLVMFuzzerMutate(data, len, max);
	len = skip + writer_bytes(&body).len;
	memcpy(data, out, len);
	return len;
}
