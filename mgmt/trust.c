/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/trust.h"

static struct bytes take_word(struct bytes *line)
{
	const uint8_t *space = line->len == 0 ? NULL : memchr(line->data, ' ', line->len);
	size_t len = space == NULL ? line->len : (size_t)(space - line->data);
	struct bytes word = bytes_first(*line, len);
	*line = bytes_from(*line, len + 1);
	return word;
}

static bool take_name(struct bytes name, char ret[TRUST_NAME_MAX + 1])
{
	if (name.len > TRUST_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] < 0x20 || name.data[i] == 0x7f)
			return false;
		ret[i] = (char)name.data[i];
	}
	ret[name.len] = '\0';
	return true;
}

static size_t key_length(const struct trust_key *key)
{
	return key->algorithm == SIGNATURE_ES256 && !key->is_secret ? 64 : 32;
}

bool trust_parse_key(struct bytes line, struct trust_key *ret)
{
	struct trust_key key = {.algorithm = SIGNATURE_ES256};
	size_t len;
	struct bytes kind = take_word(&line), algorithm = take_word(&line), digits = take_word(&line);
	key.is_secret = bytes_equal_text(kind, "fieldfare-secret");
	if (!key.is_secret && !bytes_equal_text(kind, "fieldfare-public"))
		return false;
	if (bytes_equal_text(algorithm, "ed25519"))
		key.algorithm = SIGNATURE_EDDSA;
	else if (!bytes_equal_text(algorithm, "es256"))
		return false;
	if (!parse_hex(digits, key.bytes, sizeof key.bytes, &len) || len != key_length(&key) ||
		!take_name(line, key.name))
		return false;
	key.len = (uint8_t)len;
	*ret = key;
	return true;
}

void trust_write_key(struct writer *w, const struct trust_key *key)
{
	write_text(w, key->is_secret ? "fieldfare-secret " : "fieldfare-public ");
	write_text(w, trust_algorithm_name(key->algorithm));
	write_u8(w, ' ');
	write_hex(w, bytes_of(key->bytes, key->len));
	if (key->name[0] != '\0') {
		write_u8(w, ' ');
		write_text(w, key->name);
	}
	write_u8(w, '\n');
}

/* The next line that says something, without its line end. */
static bool next_line(struct bytes *text, unsigned *line, struct bytes *ret)
{
	while (text->len > 0) {
		const uint8_t *newline = memchr(text->data, '\n', text->len);
		size_t len = newline == NULL ? text->len : (size_t)(newline - text->data);
		*ret = bytes_first(*text, len);
		*text = bytes_from(*text, len + 1);
		(*line)++;
		if (ret->len > 0 && ret->data[ret->len - 1] == '\r')
			ret->len--;
		if (ret->len > 0 && ret->data[0] != '#')
			return true;
	}
	return false;
}

bool trust_parse_anchors(struct bytes text, struct trust_anchors *ret, unsigned *ret_line)
{
	struct trust_anchors anchors = {.count = 0};
	struct bytes line;
	unsigned number = 0;
	while (next_line(&text, &number, &line)) {
		struct trust_key key;
		if (anchors.count == TRUST_ANCHORS_MAX || !trust_parse_key(line, &key) || key.is_secret) {
			*ret_line = number;
			return false;
		}
		anchors.keys[anchors.count++] = key;
	}
	if (anchors.count == 0) {
		*ret_line = number;
		return false;
	}
	*ret = anchors;
	return true;
}

bool trust_parse_secret(struct bytes text, struct trust_key *ret)
{
	struct trust_key key;
	struct bytes line;
	unsigned number = 0;
	if (!next_line(&text, &number, &line) || !trust_parse_key(line, &key) || !key.is_secret)
		return false;
	if (next_line(&text, &number, &line))
		return false;
	*ret = key;
	return true;
}

const char *trust_algorithm_name(enum signature_algorithm algorithm)
{
	switch (algorithm) {
	case SIGNATURE_ES256:
		return "es256";
	case SIGNATURE_EDDSA:
		return "ed25519";
	}
	return "unknown";
}
