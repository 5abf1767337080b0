/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading what a manifest says. Command sequences are not interpreted: each one must be the sequence of manifest.h,
 * command for command, so there is no machine that could be led astray. Maps must have their keys in ascending order,
 * which the format demands (section 8.1) and which leaves no room for a key twice. */
#include "mgmt/cbor.h"
#include "mgmt/suit.h"

/* The first fault found wins; later ones are its consequences. */
struct reading {
	struct manifest *manifest;
	enum manifest_reason reason;
	uint32_t members, parameters; /* bits of the keys that were there */
};

static void refuse(struct reading *m, enum manifest_reason reason)
{
	if (m->reason == MANIFEST_GOOD)
		m->reason = reason;
}

static void check(struct reading *m, const struct cbor_reader *r)
{
	if (r->failed)
		refuse(m, MANIFEST_MALFORMED);
}

static void finish(struct reading *m, struct cbor_reader *r)
{
	cbor_read_end(r);
	check(m, r);
}

/* The next key of a map with ascending unsigned keys below 32, noted in `*seen`. */
static uint64_t next_key(struct reading *m, struct cbor_reader *r, uint32_t *seen, enum manifest_reason unknown)
{
	struct cbor_item item = {.kind = CBOR_UNDEFINED};
	if (!cbor_next(r, &item) || !item.is_shortest) {
		r->failed = true;
		check(m, r);
		return 0;
	}
	if (item.kind != CBOR_UNSIGNED || item.number >= 32) {
		refuse(m, unknown);
		return 0;
	}
	if (*seen >> item.number != 0)
		refuse(m, MANIFEST_MALFORMED);
	*seen |= 1u << item.number;
	return item.number;
}

static bool has_all(uint32_t seen, uint32_t wanted)
{
	return (seen & wanted) == wanted;
}

/* ---- parameters ---- */

static void read_uuid(struct reading *m, struct cbor_reader *r, uint8_t ret[MANIFEST_UUID_BYTES])
{
	struct bytes uuid = cbor_read_bytes(r);
	check(m, r);
	if (uuid.len == MANIFEST_UUID_BYTES)
		memcpy(ret, uuid.data, MANIFEST_UUID_BYTES);
	else
		refuse(m, MANIFEST_BAD_VALUE);
}

static void read_digest(struct reading *m, struct cbor_reader *r)
{
	struct bytes item = cbor_read_bytes(r), digest;
	check(m, r);
	enum manifest_reason reason = suit_read_digest(item, &digest);
	if (reason == MANIFEST_GOOD)
		memcpy(m->manifest->digest, digest.data, SHA256_BYTES);
	else
		refuse(m, reason);
}

static struct bytes read_text(struct reading *m, struct cbor_reader *r, size_t shortest, size_t longest)
{
	struct bytes text = cbor_read_text(r);
	check(m, r);
	if (text.len < shortest || text.len > longest)
		refuse(m, MANIFEST_BAD_VALUE);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			refuse(m, MANIFEST_BAD_VALUE);
	return text;
}

static void read_parameter(struct reading *m, struct cbor_reader *r)
{
	switch (next_key(m, r, &m->parameters, MANIFEST_UNSUPPORTED_PARAMETER)) {
	case SUIT_PARAMETER_VENDOR:
		read_uuid(m, r, m->manifest->vendor_id);
		break;
	case SUIT_PARAMETER_CLASS:
		read_uuid(m, r, m->manifest->class_id);
		break;
	case SUIT_PARAMETER_DIGEST:
		read_digest(m, r);
		break;
	case SUIT_PARAMETER_SIZE:
		m->manifest->size = cbor_read_unsigned(r);
		check(m, r);
		if (m->manifest->size == 0)
			refuse(m, MANIFEST_BAD_VALUE);
		break;
	case SUIT_PARAMETER_URI:
		m->manifest->uri = read_text(m, r, 1, MANIFEST_URI_MAX);
		break;
	default:
		refuse(m, MANIFEST_UNSUPPORTED_PARAMETER);
	}
}

/* 20, {...} with exactly the wanted parameters. */
static void read_override(struct reading *m, struct cbor_reader *r, uint32_t wanted)
{
	if (cbor_read_unsigned(r) != SUIT_OVERRIDE_PARAMETERS)
		refuse(m, MANIFEST_UNSUPPORTED_COMMAND);
	uint64_t count = cbor_read_map(r);
	check(m, r);
	m->parameters = 0;
	for (uint64_t i = 0; i < count && m->reason == MANIFEST_GOOD; i++)
		read_parameter(m, r);
	if (!has_all(m->parameters, wanted))
		refuse(m, MANIFEST_INCOMPLETE);
	if (m->parameters != wanted)
		refuse(m, MANIFEST_UNSUPPORTED_PARAMETER);
}

/* ---- command sequences ---- */

/* One command whose argument is a reporting policy. */
static void read_command(struct reading *m, struct cbor_reader *r, enum suit_command wanted)
{
	uint64_t command = cbor_read_unsigned(r), policy = cbor_read_unsigned(r);
	check(m, r);
	if (command != wanted || policy > SUIT_POLICY_MAX)
		refuse(m, MANIFEST_UNSUPPORTED_COMMAND);
}

/* Opens a sequence that must have this many elements: two for each command. */
static struct cbor_reader open_sequence(struct reading *m, struct cbor_reader *r, uint64_t elements)
{
	struct cbor_reader sequence = cbor_reader_of(cbor_read_bytes(r));
	check(m, r);
	uint64_t count = cbor_read_array(&sequence);
	check(m, &sequence);
	if (count != elements)
		refuse(m, MANIFEST_UNSUPPORTED_COMMAND);
	return sequence;
}

static void read_shared(struct reading *m, struct cbor_reader *r)
{
	struct cbor_reader sequence = open_sequence(m, r, 6);
	read_override(m, &sequence,
		1u << SUIT_PARAMETER_VENDOR | 1u << SUIT_PARAMETER_CLASS | 1u << SUIT_PARAMETER_DIGEST |
			1u << SUIT_PARAMETER_SIZE);
	read_command(m, &sequence, SUIT_CONDITION_VENDOR);
	read_command(m, &sequence, SUIT_CONDITION_CLASS);
	finish(m, &sequence);
}

static void read_install(struct reading *m, struct cbor_reader *r)
{
	struct cbor_reader sequence = open_sequence(m, r, 6);
	read_override(m, &sequence, 1u << SUIT_PARAMETER_URI);
	read_command(m, &sequence, SUIT_FETCH);
	read_command(m, &sequence, SUIT_CONDITION_IMAGE_MATCH);
	finish(m, &sequence);
}

static void read_one_command(struct reading *m, struct cbor_reader *r, enum suit_command command)
{
	struct cbor_reader sequence = open_sequence(m, r, 2);
	read_command(m, &sequence, command);
	finish(m, &sequence);
}

/* ---- common ---- */

static void read_components(struct reading *m, struct cbor_reader *r)
{
	uint64_t components = cbor_read_array(r), segments = cbor_read_array(r);
	if (!r->failed && (components != 1 || segments != 1)) {
		refuse(m, MANIFEST_UNSUPPORTED_COMPONENTS);
		return;
	}
	m->manifest->component = cbor_read_bytes(r);
	check(m, r);
	if (m->manifest->component.len == 0 || m->manifest->component.len > MANIFEST_COMPONENT_MAX)
		refuse(m, MANIFEST_BAD_VALUE);
}

static void read_common(struct reading *m, struct cbor_reader *outer)
{
	struct cbor_reader r = cbor_reader_of(cbor_read_bytes(outer));
	uint32_t seen = 0;
	check(m, outer);
	uint64_t count = cbor_read_map(&r);
	check(m, &r);
	for (uint64_t i = 0; i < count && m->reason == MANIFEST_GOOD; i++)
		switch (next_key(m, &r, &seen, MANIFEST_UNSUPPORTED_MEMBER)) {
		case SUIT_COMPONENTS:
			read_components(m, &r);
			break;
		case SUIT_SHARED_SEQUENCE:
			read_shared(m, &r);
			break;
		default:
			refuse(m, MANIFEST_UNSUPPORTED_MEMBER);
		}
	finish(m, &r);
	if (!has_all(seen, 1u << SUIT_COMPONENTS | 1u << SUIT_SHARED_SEQUENCE))
		refuse(m, MANIFEST_INCOMPLETE);
}

/* ---- text ---- */

/* {6: version}; other texts about the component are skipped. */
static void read_component_text(struct reading *m, struct cbor_reader *r)
{
	uint32_t seen = 0;
	uint64_t count = cbor_read_map(r);
	for (uint64_t i = 0; i < count && m->reason == MANIFEST_GOOD; i++)
		if (next_key(m, r, &seen, MANIFEST_UNSUPPORTED_MEMBER) == SUIT_TEXT_VERSION)
			m->manifest->version = read_text(m, r, 1, MANIFEST_VERSION_MAX);
		else
			cbor_read_text(r);
	check(m, r);
}

static void read_component_key(struct reading *m, struct cbor_reader *r)
{
	bool is_ours = cbor_read_array(r) == 1 && bytes_equal(cbor_read_bytes(r), m->manifest->component);
	check(m, r);
	if (!is_ours)
		refuse(m, MANIFEST_UNSUPPORTED_COMPONENTS);
}

/* The keys are first numbers, then the component as an array: looking at the first byte tells them apart. */
static void read_language(struct reading *m, struct cbor_reader *r)
{
	uint32_t seen = 0;
	bool has_component = false;
	uint64_t count = cbor_read_map(r);
	check(m, r);
	for (uint64_t i = 0; i < count && m->reason == MANIFEST_GOOD; i++) {
		bool is_number = cbor_left(r) > 0 && *r->at < 0x20;
		if (has_component) {
			refuse(m, MANIFEST_MALFORMED);
		} else if (!is_number) {
			has_component = true;
			read_component_key(m, r);
			read_component_text(m, r);
		} else if (next_key(m, r, &seen, MANIFEST_UNSUPPORTED_MEMBER) == SUIT_TEXT_DESCRIPTION) {
			m->manifest->description = read_text(m, r, 0, MANIFEST_DESCRIPTION_MAX);
		} else {
			cbor_read_text(r);
			check(m, r);
		}
	}
}

static void read_texts(struct reading *m, struct cbor_reader *outer)
{
	struct cbor_reader r = cbor_reader_of(cbor_read_bytes(outer));
	check(m, outer);
	uint64_t languages = cbor_read_map(&r);
	struct bytes language = cbor_read_text(&r);
	check(m, &r);
	if (languages != 1 || !bytes_equal_text(language, SUIT_LANGUAGE))
		refuse(m, MANIFEST_UNSUPPORTED_MEMBER);
	if (m->reason == MANIFEST_GOOD)
		read_language(m, &r);
	finish(m, &r);
}

/* ---- the manifest ---- */

static void read_member(struct reading *m, struct cbor_reader *r)
{
	switch (next_key(m, r, &m->members, MANIFEST_UNSUPPORTED_MEMBER)) {
	case SUIT_VERSION:
		if (cbor_read_unsigned(r) != SUIT_FORMAT_VERSION && !r->failed)
			refuse(m, MANIFEST_UNSUPPORTED_VERSION);
		break;
	case SUIT_SEQUENCE_NUMBER:
		m->manifest->sequence = cbor_read_unsigned(r);
		break;
	case SUIT_COMMON:
		read_common(m, r);
		break;
	case SUIT_REFERENCE_URI:
		m->manifest->reference_uri = read_text(m, r, 0, MANIFEST_URI_MAX);
		break;
	case SUIT_VALIDATE:
		read_one_command(m, r, SUIT_CONDITION_IMAGE_MATCH);
		break;
	case SUIT_INVOKE:
		read_one_command(m, r, SUIT_DIRECTIVE_INVOKE);
		break;
	case SUIT_PAYLOAD_FETCH:
	case SUIT_INSTALL:
		read_install(m, r);
		break;
	case SUIT_TEXT:
		read_texts(m, r);
		break;
	default:
		refuse(m, MANIFEST_UNSUPPORTED_MEMBER);
	}
	check(m, r);
}

static void check_members(struct reading *m)
{
	uint32_t either = 1u << SUIT_PAYLOAD_FETCH | 1u << SUIT_INSTALL;
	uint32_t wanted = 1u << SUIT_VERSION | 1u << SUIT_SEQUENCE_NUMBER | 1u << SUIT_COMMON | 1u << SUIT_VALIDATE;
	if (!has_all(m->members, wanted) || (m->members & either) == 0)
		refuse(m, MANIFEST_INCOMPLETE);
	if (has_all(m->members, either))
		refuse(m, MANIFEST_UNSUPPORTED_COMMAND);
}

enum manifest_reason manifest_read(const struct manifest_view *view, struct manifest *ret)
{
	struct manifest manifest = {.size = 0};
	struct reading m = {.manifest = &manifest, .reason = MANIFEST_GOOD};
	struct cbor_reader r = cbor_reader_of(view->manifest);
	uint64_t count = cbor_read_map(&r);
	check(&m, &r);
	for (uint64_t i = 0; i < count && m.reason == MANIFEST_GOOD; i++)
		read_member(&m, &r);
	finish(&m, &r);
	check_members(&m);
	if (m.reason == MANIFEST_GOOD)
		*ret = manifest;
	return m.reason;
}
