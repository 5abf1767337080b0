/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The grammar (RFC 6690 section 2), with blanks tolerated around commas and semicolons as in HTTP's Link header:
 *
 *     text      = [ link *( "," link ) ]
 *     link      = "<" target ">" *( ";" attribute )
 *     attribute = name [ "=" ( token | quoted ) ]
 */
#include "coap/linkformat.h"

/* ---- characters ---- */

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_among(uint8_t c, const char *set)
{
	for (; *set != '\0'; set++)
		if ((uint8_t)*set == c)
			return true;
	return false;
}

/* attr-char of RFC 5987, and the star behind an extended name. */
static bool is_name_character(uint8_t c)
{
	return is_alphanumeric(c) || is_among(c, "!#$&+-.^_`|~*");
}

/* ptokenchar: visible ASCII but for the four that delimit. */
static bool is_token_character(uint8_t c)
{
	return c > ' ' && c < 0x7f && !is_among(c, "\",;\\");
}

static bool is_target_character(uint8_t c)
{
	return c > ' ' && c < 0x7f && !is_among(c, "<>\"");
}

/* Inside quotes any text may stand, UTF-8 included, but no control characters. */
static bool is_quotable(uint8_t c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}

/* ---- taking from the front ---- */

static bool starts_with(struct bytes text, uint8_t c)
{
	return text.len > 0 && text.data[0] == c;
}

static bool take(struct bytes *text, uint8_t c)
{
	if (!starts_with(*text, c))
		return false;
	*text = bytes_from(*text, 1);
	return true;
}

static void skip_blanks(struct bytes *text)
{
	while (take(text, ' ') || take(text, '\t'))
		continue;
}

static struct bytes take_while(struct bytes *text, bool (*is_wanted)(uint8_t))
{
	size_t len = 0;
	while (len < text->len && is_wanted(text->data[len]))
		len++;
	struct bytes taken = bytes_first(*text, len);
	*text = bytes_from(*text, len);
	return taken;
}

/* What stands up to the closing quote; `text` begins behind the opening one. */
static bool take_quoted(struct bytes *text, struct bytes *ret)
{
	size_t at = 0;
	while (at < text->len && text->data[at] != '"') {
		if (text->data[at] == '\\')
			at++;
		if (at >= text->len || !is_quotable(text->data[at]))
			return false;
		at++;
	}
	if (at >= text->len)
		return false;
	*ret = bytes_first(*text, at);
	*text = bytes_from(*text, at + 1);
	return true;
}

static bool take_attribute(struct bytes *text, struct coap_link_attribute *ret)
{
	struct coap_link_attribute attribute = {0};
	skip_blanks(text);
	attribute.name = take_while(text, is_name_character);
	attribute.has_value = take(text, '=');
	attribute.is_quoted = attribute.has_value && take(text, '"');
	if (attribute.name.len == 0)
		return false;
	if (attribute.is_quoted) {
		if (!take_quoted(text, &attribute.value))
			return false;
	} else if (attribute.has_value) {
		attribute.value = take_while(text, is_token_character);
		if (attribute.value.len == 0)
			return false;
	}
	skip_blanks(text);
	*ret = attribute;
	return true;
}

static bool take_link(struct bytes *text, struct coap_link *ret)
{
	struct coap_link_attribute attribute;
	if (!take(text, '<'))
		return false;
	struct bytes target = take_while(text, is_target_character);
	if (!take(text, '>'))
		return false;
	skip_blanks(text);
	struct bytes attributes = *text;
	while (take(text, ';'))
		if (!take_attribute(text, &attribute))
			return false;
	*ret = (struct coap_link){target, bytes_first(attributes, attributes.len - text->len)};
	return true;
}

/* ---- iterators ---- */

bool coap_linkformat_next(struct coap_link_reader *r, struct coap_link *ret)
{
	skip_blanks(&r->left);
	if (r->failed || r->left.len == 0)
		return false;
	bool is_separated = !r->started || take(&r->left, ',');
	r->started = true;
	skip_blanks(&r->left);
	r->failed = !is_separated || !take_link(&r->left, ret);
	return !r->failed;
}

bool coap_linkformat_next_attribute(struct coap_link_reader *r, struct coap_link_attribute *ret)
{
	skip_blanks(&r->left);
	if (r->failed || r->left.len == 0)
		return false;
	bool is_separated = take(&r->left, ';') || !r->started;
	r->started = true;
	r->failed = !is_separated || !take_attribute(&r->left, ret);
	return !r->failed;
}

bool coap_linkformat_find(const struct coap_link *link, const char *name, struct coap_link_attribute *ret)
{
	struct coap_link_reader r = coap_linkformat_attributes(link);
	struct coap_link_attribute attribute;
	while (coap_linkformat_next_attribute(&r, &attribute)) {
		if (!bytes_equal_text(attribute.name, name))
			continue;
		*ret = attribute;
		return true;
	}
	return false;
}

bool coap_linkformat_check(struct bytes text, size_t *ret_count)
{
	struct coap_link_reader r = coap_linkformat_links(text);
	struct coap_link link;
	size_t count = 0;
	while (coap_linkformat_next(&r, &link))
		count++;
	if (r.failed)
		return false;
	*ret_count = count;
	return true;
}

/* ---- writing ---- */

/* The next character of a value, its escape undone. `value` must not be empty. */
static uint8_t take_character(struct bytes *value, bool is_quoted)
{
	if (is_quoted && value->len > 1)
		take(value, '\\');
	uint8_t c = value->data[0];
	*value = bytes_from(*value, 1);
	return c;
}

void coap_linkformat_write_value(struct writer *w, const struct coap_link_attribute *attribute)
{
	struct bytes left = attribute->value;
	while (left.len > 0)
		write_u8(w, take_character(&left, attribute->is_quoted));
}

/* Writes `text` if all of it may stand there; else the writer fails, as what it would hold is not a link. */
static void write_checked(struct writer *w, struct bytes text, bool (*is_allowed)(uint8_t))
{
	struct bytes rest = text;
	take_while(&rest, is_allowed);
	if (rest.len > 0)
		w->failed = true;
	write_bytes(w, text);
}

void coap_linkformat_write_target(struct writer *w, struct bytes target)
{
	if (w->at != w->start)
		write_u8(w, ',');
	write_u8(w, '<');
	write_checked(w, target, is_target_character);
	write_u8(w, '>');
}

void coap_linkformat_write_attribute(struct writer *w, const char *name)
{
	write_u8(w, ';');
	write_checked(w, bytes_of_text(name), is_name_character);
}

void coap_linkformat_write_attribute_token(struct writer *w, const char *name, struct bytes value)
{
	coap_linkformat_write_attribute(w, name);
	write_u8(w, '=');
	if (value.len == 0)
		w->failed = true;
	write_checked(w, value, is_token_character);
}

void coap_linkformat_write_attribute_quoted(struct writer *w, const char *name, struct bytes value)
{
	coap_linkformat_write_attribute(w, name);
	write_text(w, "=\"");
	for (size_t i = 0; i < value.len; i++) {
		if (is_among(value.data[i], "\"\\"))
			write_u8(w, '\\');
		write_checked(w, bytes_of(value.data + i, 1), is_quotable);
	}
	write_u8(w, '"');
}

/* ---- filtering ---- */

struct pattern {
	struct bytes text;
	bool is_prefix;
};

static struct pattern pattern_of(struct bytes text)
{
	bool is_prefix = text.len > 0 && text.data[text.len - 1] == '*';
	return (struct pattern){bytes_first(text, is_prefix ? text.len - 1 : text.len), is_prefix};
}

static bool is_list(struct bytes name)
{
	static const char *const names[] = {"rt", "if", "rel", "rev", "ct"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (bytes_equal_text(name, names[i]))
			return true;
	return false;
}

/* Compares the value up to its end, or in a list up to the next blank, and leaves in `value` what follows. */
static bool next_part_matches(struct bytes *value, bool is_quoted, bool is_in_list, const struct pattern *pattern)
{
	size_t len = 0;
	bool is_equal = true;
	while (value->len > 0) {
		uint8_t c = take_character(value, is_quoted);
		if (is_in_list && c == ' ')
			break;
		if (len < pattern->text.len)
			is_equal = is_equal && c == pattern->text.data[len];
		len++;
	}
	return is_equal && (pattern->is_prefix ? len >= pattern->text.len : len == pattern->text.len);
}

static bool attribute_matches(const struct coap_link_attribute *attribute, const struct pattern *pattern)
{
	struct bytes value = attribute->value;
	bool is_in_list = is_list(attribute->name);
	do {
		if (next_part_matches(&value, attribute->is_quoted, is_in_list, pattern))
			return true;
	} while (value.len > 0);
	return false;
}

bool coap_linkformat_matches(const struct coap_link *link, struct bytes query)
{
	struct bytes left = query;
	struct bytes name = take_while(&left, is_name_character);
	struct pattern pattern = take(&left, '=') ? pattern_of(left) : (struct pattern){BYTES_NONE, true};
	struct coap_link_attribute attribute = {.value = link->target};
	if (bytes_equal_text(name, "href"))
		return attribute_matches(&attribute, &pattern);
	struct coap_link_reader r = coap_linkformat_attributes(link);
	while (coap_linkformat_next_attribute(&r, &attribute))
		if (bytes_equal(attribute.name, name) && attribute_matches(&attribute, &pattern))
			return true;
	return false;
}
