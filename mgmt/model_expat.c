/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Elements are told apart by how deep they lie and by their name: LWM2M / Object / Name, and LWM2M / Object / Resources
 * / Item / Name. Text is collected for those alone that somebody reads.
 *
 * libexpat is loaded when the first definition is read, so that an agent without extensions carries none of it. */
#include "mgmt/model_expat.h"

#include <dlfcn.h>
#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECT_DEPTH 2
#define ITEM_DEPTH   4

static struct {
	XML_Parser (*create)(const XML_Char *);
	void (*free)(XML_Parser);
	void (*set_user_data)(XML_Parser, void *);
	void (*set_element_handler)(XML_Parser, XML_StartElementHandler, XML_EndElementHandler);
	void (*set_text_handler)(XML_Parser, XML_CharacterDataHandler);
	void (*set_doctype_handler)(XML_Parser, XML_StartDoctypeDeclHandler);
	enum XML_Status (*parse)(XML_Parser, const char *, int, int);
	enum XML_Status (*stop)(XML_Parser, XML_Bool);
	XML_Size (*line_number)(XML_Parser);
	enum XML_Error (*error_code)(XML_Parser);
	const XML_LChar *(*error_text)(enum XML_Error); /* found last: there are the others as well */
} expat;

struct model_block {
	struct model_block *next;
	char bytes[];
};

struct parsing {
	struct model_list *list;
	XML_Parser parser;
	char *message;
	bool has_failed;
	unsigned depth;
	struct model_object object;
	struct model_resource items[MODEL_EXPAT_RESOURCES_MAX], *item; /* item: the one being read, or NULL */
	bool has_id, is_text_wanted;
	char text[MODEL_EXPAT_TEXT_MAX + 1];
	size_t text_len;
};

/* ---- libexpat ---- */

static bool find(void *library, const char *name, void *ret_function)
{
	void *function = dlsym(library, name);
	memcpy(ret_function, &function, sizeof function);
	return function != NULL;
}

static bool load_expat(void)
{
	void *library = expat.error_text == NULL ? dlopen("libexpat.so.1", RTLD_NOW) : NULL;
	return expat.error_text != NULL ||
	       (library != NULL && find(library, "XML_ParserCreate", &expat.create) &&
		       find(library, "XML_ParserFree", &expat.free) &&
		       find(library, "XML_SetUserData", &expat.set_user_data) &&
		       find(library, "XML_SetElementHandler", &expat.set_element_handler) &&
		       find(library, "XML_SetCharacterDataHandler", &expat.set_text_handler) &&
		       find(library, "XML_SetStartDoctypeDeclHandler", &expat.set_doctype_handler) &&
		       find(library, "XML_Parse", &expat.parse) && find(library, "XML_StopParser", &expat.stop) &&
		       find(library, "XML_GetCurrentLineNumber", &expat.line_number) &&
		       find(library, "XML_GetErrorCode", &expat.error_code) &&
		       find(library, "XML_ErrorString", &expat.error_text));
}

/* ---- memory ---- */

static void *take(struct model_list *list, size_t len)
{
	struct model_block *block = malloc(sizeof *block + len);
	if (block == NULL)
		return NULL;
	block->next = list->blocks;
	list->blocks = block;
	return block->bytes;
}

static void give_until(struct model_list *list, const struct model_block *end)
{
	while (list->blocks != end) {
		struct model_block *next = list->blocks->next;
		free(list->blocks);
		list->blocks = next;
	}
}

bool model_list_add(struct model_list *list, const struct model_object *object)
{
	if (list->count == MODEL_EXPAT_OBJECTS_MAX)
		return false;
	if (list->count == list->capacity) {
		size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
		struct model_object *objects = realloc(list->objects, capacity * sizeof *objects);
		if (objects == NULL)
			return false;
		list->objects = objects;
		list->capacity = capacity;
	}
	list->objects[list->count++] = *object;
	return true;
}

void model_list_done(struct model_list *list)
{
	give_until(list, NULL);
	free(list->objects);
	*list = (struct model_list){0};
}

/* ---- faults ---- */

static void fail(struct parsing *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct parsing *p, const char *format, ...)
{
	va_list list;
	if (p->has_failed)
		return;
	p->has_failed = true;
	int len = snprintf(
		p->message, MODEL_EXPAT_MESSAGE_BYTES, "line %lu: ", (unsigned long)expat.line_number(p->parser));
	va_start(list, format);
	(void)vsnprintf(p->message + len, MODEL_EXPAT_MESSAGE_BYTES - (size_t)len, format, list);
	va_end(list);
	(void)expat.stop(p->parser, XML_FALSE);
}

/* ---- texts ---- */

/* Without white space at the ends, one blank for each run of it within. */
static struct bytes collected(struct parsing *p)
{
	size_t len = 0;
	for (size_t i = 0; i < p->text_len; i++) {
		bool is_space = strchr(" \t\r\n", p->text[i]) != NULL;
		if (!is_space || (len > 0 && p->text[len - 1] != ' '))
			p->text[len++] = is_space ? ' ' : p->text[i];
	}
	len -= len > 0 && p->text[len - 1] == ' ';
	p->text[len] = '\0';
	return bytes_of(p->text, len);
}

static const char *keep_text(struct parsing *p, struct bytes text)
{
	char *copy = take(p->list, text.len + 1);
	if (copy == NULL) {
		fail(p, "out of memory");
		return "";
	}
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	return copy;
}

static uint16_t read_id(struct parsing *p, struct bytes text)
{
	uint64_t id = 0;
	if (!parse_decimal(text, PATH_ID_MAX, &id))
		fail(p, "\"%.*s\" is no id", (int)text.len, (const char *)text.data);
	return (uint16_t)id;
}

/* ---- ranges ---- */

static struct bytes skip_blanks(struct bytes text)
{
	while (text.len > 0 && text.data[0] == ' ')
		text = bytes_from(text, 1);
	return text;
}

static bool read_whole_number(struct bytes *text, int64_t *ret)
{
	uint64_t number;
	*text = skip_blanks(*text);
	bool is_negative = text->len > 0 && text->data[0] == '-';
	struct bytes digits = bytes_from(*text, is_negative);
	size_t len = 0;
	while (len < digits.len && digits.data[len] >= '0' && digits.data[len] <= '9')
		len++;
	if (!parse_decimal(bytes_first(digits, len), INT64_MAX, &number))
		return false;
	*text = skip_blanks(bytes_from(digits, len));
	*ret = is_negative ? -(int64_t)number : (int64_t)number;
	return true;
}

static bool skip_text(struct bytes *text, const char *wanted)
{
	size_t len = strlen(wanted);
	if (text->len < len || memcmp(text->data, wanted, len) != 0)
		return false;
	*text = bytes_from(*text, len);
	return true;
}

/* "0..255", "0-255" or "16", and more of them behind commas. */
static bool read_range(struct bytes text, struct model_resource *ret)
{
	bool is_list = false;
	struct model_resource r = {.lowest = INT64_MAX, .highest = INT64_MIN};
	do {
		int64_t low, high;
		if (!read_whole_number(&text, &low))
			return false;
		high = low;
		bool is_span = skip_text(&text, "..") || skip_text(&text, "-");
		if (is_span && (!read_whole_number(&text, &high) || high < low))
			return false;
		r.lowest = low < r.lowest ? low : r.lowest;
		r.highest = high > r.highest ? high : r.highest;
		is_list = is_list || is_span || (text.len > 0 && text.data[0] == ',');
	} while (skip_text(&text, ","));
	if (!skip_text(&text, "bytes"))
		(void)skip_text(&text, "Bytes");
	ret->lowest = r.lowest;
	ret->highest = r.highest;
	return is_list && skip_blanks(text).len == 0; /* one number alone may mean anything */
}

/* ---- elements ---- */

static void take_operations(struct parsing *p, struct bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		const char *at = strchr("RWE", text.data[i]);
		if (at == NULL || text.data[i] == '\0')
			fail(p, "operations are R, W, RW, E or none");
		else
			p->item->operations |= (uint8_t)(1u << (at[0] == 'R' ? 0 : at[0] == 'W' ? 1 : 2));
	}
}

static void take_type(struct parsing *p, struct bytes text)
{
	static const struct {
		const char *name;
		enum value_type type;
	} types[] = {{"", VALUE_NONE}, {"String", VALUE_STRING}, {"Integer", VALUE_INTEGER},
		{"Unsigned Integer", VALUE_UNSIGNED}, {"Float", VALUE_FLOAT}, {"Boolean", VALUE_BOOLEAN},
		{"Opaque", VALUE_OPAQUE}, {"Time", VALUE_TIME}, {"Objlnk", VALUE_OBJLNK}, {"Corelnk", VALUE_CORELNK}};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (bytes_equal_text(text, types[i].name)) {
			p->item->type = types[i].type;
			return;
		}
	fail(p, "there is no type \"%.*s\"", (int)text.len, (const char *)text.data);
}

static void take_of_item(struct parsing *p, const char *name, struct bytes text)
{
	struct model_resource *item = p->item;
	if (strcmp(name, "Name") == 0)
		item->name = keep_text(p, text);
	else if (strcmp(name, "Operations") == 0)
		take_operations(p, text);
	else if (strcmp(name, "MultipleInstances") == 0)
		item->is_multiple = bytes_equal_text(text, "Multiple");
	else if (strcmp(name, "Mandatory") == 0)
		item->is_mandatory = bytes_equal_text(text, "Mandatory");
	else if (strcmp(name, "Type") == 0)
		take_type(p, text);
	else if (strcmp(name, "RangeEnumeration") == 0)
		item->has_range = read_range(text, item);
	else if (strcmp(name, "Units") == 0)
		item->units = text.len == 0 ? NULL : keep_text(p, text);
}

static void take_of_object(struct parsing *p, const char *name, struct bytes text)
{
	struct model_object *o = &p->object;
	if (strcmp(name, "Name") == 0)
		o->name = keep_text(p, text);
	else if (strcmp(name, "ObjectID") == 0) {
		o->id = read_id(p, text);
		p->has_id = true;
	} else if (strcmp(name, "ObjectVersion") == 0 && text.len > 0)
		o->version = keep_text(p, text);
	else if (strcmp(name, "MultipleInstances") == 0)
		o->is_multiple = bytes_equal_text(text, "Multiple");
	else if (strcmp(name, "Mandatory") == 0)
		o->is_mandatory = bytes_equal_text(text, "Mandatory");
}

static void begin_object(struct parsing *p)
{
	p->object = (struct model_object){.version = "1.0"};
	p->has_id = false;
}

static void begin_item(struct parsing *p, const char **attributes)
{
	if (p->object.resource_count == MODEL_EXPAT_RESOURCES_MAX) {
		fail(p, "more than %d resources", MODEL_EXPAT_RESOURCES_MAX);
		return;
	}
	p->item = &p->items[p->object.resource_count];
	*p->item = (struct model_resource){.id = PATH_ID_NONE};
	for (size_t i = 0; attributes[i] != NULL; i += 2)
		if (strcmp(attributes[i], "ID") == 0)
			p->item->id = read_id(p, bytes_of_text(attributes[i + 1]));
	if (p->item->id == PATH_ID_NONE)
		fail(p, "a resource has no ID");
}

static void end_item(struct parsing *p)
{
	if (p->item->name == NULL || p->item->name[0] == '\0')
		fail(p, "resource %u has no name", p->item->id);
	else if ((p->item->operations & (MODEL_READ | MODEL_WRITE)) != 0 && p->item->type == VALUE_NONE)
		fail(p, "resource %u has no type", p->item->id);
	p->object.resource_count++;
	p->item = NULL;
}

static int compare_resources(const void *a, const void *b)
{
	const struct model_resource *first = a, *second = b;
	return (int)first->id - (int)second->id;
}

static void end_object(struct parsing *p)
{
	struct model_object *o = &p->object;
	size_t len = o->resource_count * sizeof *p->items;
	if (!p->has_id || o->name == NULL || o->name[0] == '\0') {
		fail(p, "an object without a name or without an ObjectID");
		return;
	}
	qsort(p->items, o->resource_count, sizeof *p->items, compare_resources);
	for (unsigned i = 1; i < o->resource_count; i++)
		if (p->items[i].id == p->items[i - 1].id)
			fail(p, "resource %u is defined twice", p->items[i].id);
	struct model_resource *resources = take(p->list, len);
	if (resources != NULL)
		memcpy(resources, p->items, len);
	o->resources = resources;
	if (resources == NULL || !model_list_add(p->list, o))
		fail(p, "no room for another object");
}

/* ---- what expat calls ---- */

static void element_begins(void *context, const char *name, const char **attributes)
{
	struct parsing *p = context;
	p->depth++;
	p->text_len = 0;
	p->is_text_wanted = p->depth == OBJECT_DEPTH + 1 || p->depth == ITEM_DEPTH + 1;
	if (p->depth == 1 && strcmp(name, "LWM2M") != 0)
		fail(p, "this is no object definition: the document is a \"%.40s\"", name);
	else if (p->depth == OBJECT_DEPTH && strcmp(name, "Object") == 0)
		begin_object(p);
	else if (p->depth == ITEM_DEPTH && strcmp(name, "Item") == 0)
		begin_item(p, attributes);
}

static void element_ends(void *context, const char *name)
{
	struct parsing *p = context;
	if (p->depth == ITEM_DEPTH + 1 && p->item != NULL)
		take_of_item(p, name, collected(p));
	else if (p->depth == OBJECT_DEPTH + 1)
		take_of_object(p, name, collected(p));
	else if (p->depth == ITEM_DEPTH && p->item != NULL)
		end_item(p);
	else if (p->depth == OBJECT_DEPTH && strcmp(name, "Object") == 0)
		end_object(p);
	p->depth--;
	p->text_len = 0;
	p->is_text_wanted = false;
}

/* What declares entities reads other files or grows without end (CVE-2023-41034 of Leshan); no definition needs it. */
static void doctype_begins(void *context, const char *name, const char *system, const char *public, int has_subset)
{
	(void)name, (void)system, (void)public, (void)has_subset;
	fail(context, "a document type declaration has no place here");
}

/* Only descriptions are longer than there is room for, and nobody reads those. */
static void text_comes(void *context, const char *text, int len)
{
	struct parsing *p = context;
	size_t room = MODEL_EXPAT_TEXT_MAX - p->text_len;
	if (!p->is_text_wanted)
		return;
	size_t taken = (size_t)len < room ? (size_t)len : room;
	memcpy(p->text + p->text_len, text, taken);
	p->text_len += taken;
}

bool model_expat_read(struct model_list *list, struct bytes document, char message[MODEL_EXPAT_MESSAGE_BYTES])
{
	bool is_loaded = load_expat();
	struct parsing *p = calloc(1, sizeof *p);
	XML_Parser parser = p == NULL || !is_loaded ? NULL : expat.create(NULL);
	const struct model_block *blocks = list->blocks;
	size_t count = list->count;
	bool good = parser != NULL && document.len <= INT32_MAX;
	(void)snprintf(
		message, MODEL_EXPAT_MESSAGE_BYTES, "%s", is_loaded ? "out of memory" : "libexpat.so.1 is not there");
	if (good) {
		*p = (struct parsing){.list = list, .parser = parser, .message = message};
		expat.set_user_data(parser, p);
		expat.set_element_handler(parser, element_begins, element_ends);
		expat.set_text_handler(parser, text_comes);
		expat.set_doctype_handler(parser, doctype_begins);
		good = expat.parse(parser, (const char *)document.data, (int)document.len, XML_TRUE) == XML_STATUS_OK;
		if (!good)
			fail(p, "%s", expat.error_text(expat.error_code(parser)));
		good = good && !p->has_failed;
	}
	if (parser != NULL)
		expat.free(parser);
	free(p);
	if (!good) {
		list->count = count;
		give_until(list, blocks);
	}
	return good;
}
