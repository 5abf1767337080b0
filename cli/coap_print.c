/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coap_print.h"

#include "coap/content_format.h"
#include "coap/problem.h"
#include "coap/linkformat.h"
#include "coap/uri.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define LOCATION_MAX_BYTES 4096 /* longer ones do not fit a message */

static const struct {
	const char *name;
	uint16_t number;
	bool is_text;
} formats[] = {
	{"text", COAP_FORMAT_TEXT, true},
	{"link", COAP_FORMAT_LINK, true},
	{"xml", COAP_FORMAT_XML, true},
	{"octets", COAP_FORMAT_OCTETS, false},
	{"json", COAP_FORMAT_JSON, true},
	{"cbor", COAP_FORMAT_CBOR, false},
	{"problem", COAP_FORMAT_PROBLEM_DETAILS, false},
	{"senml-json", COAP_FORMAT_SENML_JSON, true},
	{"senml-cbor", COAP_FORMAT_SENML_CBOR, false},
	{"senml-etch-json", COAP_FORMAT_SENML_ETCH_JSON, true},
	{"senml-etch-cbor", COAP_FORMAT_SENML_ETCH_CBOR, false},
	{"tlv", COAP_FORMAT_LWM2M_TLV, false},
	{"lwm2m-json", COAP_FORMAT_LWM2M_JSON, true},
	{"lwm2m-cbor", COAP_FORMAT_LWM2M_CBOR, false},
};

#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

bool coap_print_parse_format(const char *text, uint16_t *ret)
{
	uint64_t number;
	for (size_t i = 0; i < FORMAT_COUNT; i++) {
		if (strcmp(text, formats[i].name) == 0) {
			*ret = formats[i].number;
			return true;
		}
	}
	if (!parse_decimal(bytes_of_text(text), COAP_FORMAT_NONE - 1, &number))
		return false;
	*ret = (uint16_t)number;
	return true;
}

void coap_print_formats(FILE *out)
{
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		fprintf(out, "%s%s (%u)",
			i == 0       ? ""
			: i % 5 == 0 ? ",\n  "
				     : ", ",
			formats[i].name, formats[i].number);
}

/* ---- payloads ---- */

/* Printable UTF-8: no control characters but white space, no broken sequences. */
static bool is_text(struct bytes b)
{
	for (size_t i = 0; i < b.len;) {
		uint8_t c = b.data[i++];
		size_t more = c < 0x80                ? 0
			      : c >= 0xc2 && c < 0xe0 ? 1
			      : c >= 0xe0 && c < 0xf0 ? 2
			      : c >= 0xf0 && c < 0xf5 ? 3
						      : 4;
		if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f || more > 3 || more > b.len - i)
			return false;
		for (; more > 0; more--)
			if ((b.data[i++] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static void dump(struct bytes b, FILE *out)
{
	for (size_t at = 0; at < b.len; at += 16) {
		fprintf(out, "%08zx ", at);
		for (size_t i = at; i < at + 16; i++)
			i < b.len ? fprintf(out, " %02x", b.data[i]) : fprintf(out, "   ");
		fputs("  ", out);
		for (size_t i = at; i < at + 16 && i < b.len; i++)
			fputc(b.data[i] >= 0x20 && b.data[i] < 0x7f ? b.data[i] : '.', out);
		fputc('\n', out);
	}
}

static void print_links(struct bytes text, FILE *out)
{
	struct coap_link_reader links = coap_linkformat_links(text);
	struct coap_link link;
	while (coap_linkformat_next(&links, &link)) {
		bool has_semicolon = link.attributes.len > 0 && link.attributes.data[0] == ';';
		fprintf(out, "%.*s%s%.*s\n", (int)link.target.len, (const char *)link.target.data,
			link.attributes.len > 0 ? has_semicolon ? "  " : "  ;" : "", (int)link.attributes.len,
			(const char *)link.attributes.data);
	}
}

void coap_print_payload(const struct coap_reply *reply, bool splits_links, FILE *out)
{
	bool is_terminal = isatty(fileno(out)) == 1;
	if (reply->body.len == 0)
		return;
	if (splits_links && reply->content_format == COAP_FORMAT_LINK && is_text(reply->body)) {
		print_links(reply->body, out);
	} else if (is_text(reply->body)) {
		fwrite(reply->body.data, 1, reply->body.len, out);
		if (reply->body.data[reply->body.len - 1] != '\n' && (is_terminal || splits_links))
			fputc('\n', out);
	} else if (is_terminal) {
		dump(reply->body, out);
	} else {
		fwrite(reply->body.data, 1, reply->body.len, out);
	}
}

static void print_part(const char *before, struct bytes text, FILE *out)
{
	if (text.len > 0 && is_text(text))
		fprintf(out, "%s%.*s", before, (int)text.len, (const char *)text.data);
}

/* RFC 9290. */
static void print_problem(const struct coap_problem *p, FILE *out)
{
	print_part(": ", p->title, out);
	print_part(": ", p->detail, out);
	print_part(": ", p->instance, out);
	for (unsigned i = 0; i < p->option_count; i++) {
		const struct coap_option_definition *d = coap_option_definition(p->options[i]);
		fprintf(out, "%s option %u%s%s%s is not understood", i == 0 ? ":" : ",", p->options[i],
			d != NULL ? " (" : "", d != NULL ? d->name : "", d != NULL ? ")" : "");
	}
}

void coap_print_code(const struct coap_reply *reply, FILE *out)
{
	struct coap_problem problem;
	uint8_t room[64];
	struct writer w = writer_of(room, sizeof room);
	coap_code_write(&w, reply->code);
	fprintf(out, "%.*s", (int)writer_bytes(&w).len, (const char *)room);
	if (reply->content_format == COAP_FORMAT_PROBLEM_DETAILS && coap_problem_parse(reply->body, &problem))
		print_problem(&problem, out);
	else if (coap_code_is_error(reply->code) && reply->body.len > 0 && is_text(reply->body))
		fprintf(out, ": %.*s", (int)reply->body.len, (const char *)reply->body.data);
	if (reply->retry_after_s > 0)
		fprintf(out, " (not again for %u s)", reply->retry_after_s);
}

/* RFC 7252 section 5.10.7. Empty when nothing is said. */
static struct bytes location_of(const struct coap_reply *reply, void *room, size_t capacity)
{
	struct writer w = writer_of(room, capacity);
	if (reply->message == NULL || !(coap_message_has(reply->message, COAP_OPTION_LOCATION_PATH) ||
					      coap_message_has(reply->message, COAP_OPTION_LOCATION_QUERY)))
		return BYTES_NONE;
	coap_uri_write_path(&w, reply->message, COAP_OPTION_LOCATION_PATH, COAP_OPTION_LOCATION_QUERY);
	return w.failed ? BYTES_NONE : writer_bytes(&w);
}

void coap_print_location(const struct coap_reply *reply, FILE *out)
{
	uint8_t room[LOCATION_MAX_BYTES];
	struct bytes location = location_of(reply, room, sizeof room);
	if (location.len > 0)
		fprintf(out, " %.*s", (int)location.len, (const char *)location.data);
}

/* ---- JSON ---- */

static void print_json_text(struct bytes text, FILE *out)
{
	fputc('"', out);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void print_hex(struct bytes b, FILE *out)
{
	fputc('"', out);
	for (size_t i = 0; i < b.len; i++)
		fprintf(out, "%02x", b.data[i]);
	fputc('"', out);
}

void coap_print_json_object(const struct coap_reply *reply, FILE *out)
{
	uint8_t room[LOCATION_MAX_BYTES];
	struct bytes etag, location = location_of(reply, room, sizeof room);
	fprintf(out, "{\"code\":\"%u.%02u\"", coap_code_class(reply->code), coap_code_detail(reply->code));
	if (coap_code_name(reply->code) != NULL)
		fprintf(out, ",\"name\":\"%s\"", coap_code_name(reply->code));
	if (reply->content_format != COAP_FORMAT_NONE)
		fprintf(out, ",\"format\":%u", reply->content_format);
	if (reply->message != NULL && coap_message_option(reply->message, COAP_OPTION_ETAG, &etag)) {
		fputs(",\"etag\":", out);
		print_hex(etag, out);
	}
	if (location.len > 0) {
		fputs(",\"location\":", out);
		print_json_text(location, out);
	}
	if (reply->round_trip_ms > 0)
		fprintf(out, ",\"round_trip_ms\":%" PRIu64, reply->round_trip_ms);
	fputs(is_text(reply->body) ? ",\"payload\":" : ",\"payload_hex\":", out);
	if (is_text(reply->body))
		print_json_text(reply->body, out);
	else
		print_hex(reply->body, out);
	fputs("}", out);
}

void coap_print_json(const struct coap_reply *reply, FILE *out)
{
	coap_print_json_object(reply, out);
	fputc('\n', out);
}
