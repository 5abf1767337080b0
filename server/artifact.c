/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/artifact.h"

const char *artifact_result_text(enum artifact_result result)
{
	switch (result) {
	case ARTIFACT_DONE:
		return "done";
	case ARTIFACT_TOO_LARGE:
		return "larger than allowed";
	case ARTIFACT_WRONG_DIGEST:
		return "the bytes are not those that were announced";
	case ARTIFACT_EMPTY:
		return "empty";
	case ARTIFACT_NO_SPACE:
		return "no space left";
	case ARTIFACT_BUSY:
		return "too many uploads at once";
	case ARTIFACT_UNKNOWN:
		return "no such upload";
	case ARTIFACT_FAILED:
		return "the disk does not work";
	}
	return "unknown";
}

void artifact_write_name(struct writer *w, const uint8_t digest[SHA256_BYTES])
{
	write_hex(w, bytes_of(digest, SHA256_BYTES));
}

bool artifact_parse_name(struct bytes text, uint8_t ret[SHA256_BYTES])
{
	uint8_t digest[SHA256_BYTES];
	size_t len;
	if (text.len != ARTIFACT_NAME_BYTES || !parse_hex(text, digest, sizeof digest, &len))
		return false;
	memcpy(ret, digest, sizeof digest);
	return true;
}
