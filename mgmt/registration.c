/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/registration.h"

static const struct {
	char letter;
	uint8_t bit;
} transports[] = {
	{'U', REGISTRATION_UDP},
	{'T', REGISTRATION_TCP},
	{'S', REGISTRATION_SMS},
	{'N', REGISTRATION_NON_IP},
};

#define TRANSPORT_COUNT (sizeof transports / sizeof transports[0])

void registration_init(struct registration_parameters *p)
{
	*p = (struct registration_parameters){
		.lifetime_s = REGISTRATION_LIFETIME_S, .major = 1, .minor = 0, .bindings = REGISTRATION_UDP};
}

/* ---- reading queries ---- */

static enum registration_verdict verdict_of(bool is_good)
{
	return is_good ? REGISTRATION_GOOD : REGISTRATION_BAD;
}

static bool is_new(bool *has)
{
	bool was_there = *has;
	*has = true;
	return !was_there;
}

/* Control characters have no place in a name that people and logs see. */
static bool is_printable(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	return true;
}

/* UTF-8 is the option's own rule (RFC 7252 section 5.10.1), checked where options are. */
static bool read_endpoint(struct registration_parameters *p, struct bytes value)
{
	p->endpoint = value;
	return is_new(&p->has_endpoint) && value.len > 0 && value.len <= REGISTRATION_ENDPOINT_MAX &&
	       is_printable(value);
}

static bool read_lifetime(struct registration_parameters *p, struct bytes value)
{
	uint64_t seconds;
	if (!is_new(&p->has_lifetime) || !parse_decimal(value, REGISTRATION_LIFETIME_MAX, &seconds) || seconds == 0)
		return false;
	p->lifetime_s = (uint32_t)seconds;
	return true;
}

static bool parse_version(struct bytes text, uint8_t *ret_major, uint8_t *ret_minor)
{
	const uint8_t *point = text.len == 0 ? NULL : memchr(text.data, '.', text.len);
	uint64_t major, minor;
	if (point == NULL)
		return false;
	size_t before = (size_t)(point - text.data);
	if (!parse_decimal(bytes_first(text, before), UINT8_MAX, &major) ||
		!parse_decimal(bytes_from(text, before + 1), UINT8_MAX, &minor))
		return false;
	*ret_major = (uint8_t)major;
	*ret_minor = (uint8_t)minor;
	return true;
}

static enum registration_verdict read_version(struct registration_parameters *p, struct bytes value)
{
	if (!is_new(&p->has_version) || !parse_version(value, &p->major, &p->minor))
		return REGISTRATION_BAD;
	return p->major == 1 && p->minor <= 2 ? REGISTRATION_GOOD : REGISTRATION_VERSION;
}

/* M and H of 1.2 are transports we do not use. Q inside is the queue mode of 1.0. */
static bool read_binding(struct registration_parameters *p, struct bytes value)
{
	static const char letters[] = "UTSNMHQ";
	if (!is_new(&p->has_binding) || value.len == 0)
		return false;
	p->bindings = 0;
	for (size_t i = 0; i < value.len; i++) {
		if (memchr(letters, value.data[i], sizeof letters - 1) == NULL)
			return false;
		if (value.data[i] == 'Q')
			p->has_queue_mode = true;
		for (size_t k = 0; k < TRANSPORT_COUNT; k++)
			if (value.data[i] == (uint8_t)transports[k].letter)
				p->bindings |= transports[k].bit;
	}
	return true;
}

static bool read_sms(struct registration_parameters *p, struct bytes value)
{
	p->sms = value;
	if (!is_new(&p->has_sms) || value.len == 0 || value.len > REGISTRATION_SMS_MAX)
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] < '0' || value.data[i] > '9')
			return false;
	return true;
}

enum registration_verdict registration_read(struct registration_parameters *p, struct bytes query)
{
	const uint8_t *equals = query.len == 0 ? NULL : memchr(query.data, '=', query.len);
	size_t name_len = equals == NULL ? query.len : (size_t)(equals - query.data);
	struct bytes name = bytes_first(query, name_len), value = bytes_from(query, name_len + 1);
	if (bytes_equal_text(name, "ep"))
		return verdict_of(read_endpoint(p, value));
	if (bytes_equal_text(name, "lt"))
		return verdict_of(read_lifetime(p, value));
	if (bytes_equal_text(name, "lwm2m"))
		return read_version(p, value);
	if (bytes_equal_text(name, "b"))
		return verdict_of(read_binding(p, value));
	if (bytes_equal_text(name, "sms"))
		return verdict_of(read_sms(p, value));
	if (bytes_equal_text(name, "Q")) {
		p->has_queue_mode = true;
		return verdict_of(equals == NULL);
	}
	return REGISTRATION_GOOD;
}

enum registration_verdict registration_check_register(const struct registration_parameters *p)
{
	if (!p->has_endpoint || !p->has_version)
		return REGISTRATION_BAD;
	return verdict_of(p->has_lifetime || p->minor == 0);
}

enum registration_verdict registration_check_update(const struct registration_parameters *p)
{
	return verdict_of(!p->has_endpoint && !p->has_version);
}

/* ---- writing queries ---- */

static void write_lifetime(const struct registration_parameters *p, struct writer *w)
{
	write_text(w, "lt=");
	write_decimal(w, p->lifetime_s);
}

static void write_version(const struct registration_parameters *p, struct writer *w)
{
	write_text(w, "lwm2m=");
	write_decimal(w, p->major);
	write_u8(w, '.');
	write_decimal(w, p->minor);
}

static void write_endpoint(const struct registration_parameters *p, struct writer *w)
{
	write_text(w, "ep=");
	write_bytes(w, p->endpoint);
}

/* 1.0 has the queue mode inside the binding. */
static void write_binding(const struct registration_parameters *p, struct writer *w)
{
	write_text(w, "b=");
	for (size_t i = 0; i < TRANSPORT_COUNT; i++)
		if ((p->bindings & transports[i].bit) != 0)
			write_u8(w, (uint8_t)transports[i].letter);
	if (p->has_queue_mode && p->has_version && p->minor == 0)
		write_u8(w, 'Q');
}

static void write_queue_mode(const struct registration_parameters *p, struct writer *w)
{
	(void)p;
	write_u8(w, 'Q');
}

static void write_sms(const struct registration_parameters *p, struct writer *w)
{
	write_text(w, "sms=");
	write_bytes(w, p->sms);
}

bool registration_write(const struct registration_parameters *p, unsigned i, struct writer *w)
{
	const struct {
		bool is_present;
		void (*write)(const struct registration_parameters *p, struct writer *w);
	} queries[REGISTRATION_QUERIES_MAX] = {
		{p->has_endpoint, write_endpoint},
		{p->has_lifetime, write_lifetime},
		{p->has_version, write_version},
		{p->has_binding && p->bindings != 0, write_binding},
		{p->has_queue_mode && !(p->has_version && p->minor == 0), write_queue_mode},
		{p->has_sms, write_sms},
	};
	for (size_t k = 0; k < REGISTRATION_QUERIES_MAX; k++) {
		if (!queries[k].is_present || i-- > 0)
			continue;
		queries[k].write(p, w);
		return true;
	}
	return false;
}

/* ---- the list of objects ---- */

/* What a link is to us: the root with its attributes, an object or instance, or something else that we leave alone. */
static bool read_object(struct bytes prefix, const struct link *link, struct registration_object *ret)
{
	struct bytes target = link->target, version;
	struct path path;
	if (target.len < prefix.len || !bytes_equal(bytes_first(target, prefix.len), prefix))
		return false;
	if (!path_parse(bytes_from(target, prefix.len), &path) || path.depth == 0 || path.depth > 2)
		return false;
	*ret = (struct registration_object){path.ids[0], REGISTRATION_NO_INSTANCE, 0, 0};
	if (path.depth == 2)
		ret->instance = path.ids[1];
	if (links_find(link, "ver", &version) && !parse_version(version, &ret->major, &ret->minor))
		ret->major = ret->minor = 0;
	return true;
}

static bool has_word(struct bytes words, struct bytes word)
{
	while (words.len > 0) {
		const uint8_t *space = memchr(words.data, ' ', words.len);
		size_t len = space == NULL ? words.len : (size_t)(space - words.data);
		if (bytes_equal(bytes_first(words, len), word))
			return true;
		words = bytes_from(words, len + 1);
	}
	return false;
}

static void note_root(struct registration_objects *o, const struct link *link)
{
	struct bytes type;
	bool is_alternate = links_find(link, "rt", &type) && has_word(type, bytes_of_text("oma.lwm2m"));
	bool is_root = bytes_equal_text(link->target, "/");
	if (!is_alternate && !is_root)
		return;
	links_find(link, "ct", &o->formats);
	o->prefix = is_root ? BYTES_NONE : link->target;
	if (o->prefix.len > 0 && o->prefix.data[o->prefix.len - 1] == '/')
		o->prefix.len--;
	o->has_bad_prefix |= o->prefix.len > 0 && !path_is_prefix(o->prefix);
}

enum registration_verdict registration_objects_init(struct registration_objects *o, struct bytes body)
{
	struct link link;
	size_t links = 0;
	*o = (struct registration_objects){.links = links_reader_of(body), .verdict = REGISTRATION_GOOD};
	while (links_next(&o->links, &link)) {
		note_root(o, &link);
		links++;
	}
	struct registration_object object;
	bool is_malformed = o->links.failed || o->has_bad_prefix;
	o->links = links_reader_of(body);
	while (!is_malformed && links <= REGISTRATION_LINKS_MAX && registration_objects_next(o, &object))
		o->count++;
	o->links = links_reader_of(body);
	if (is_malformed)
		o->verdict = REGISTRATION_BAD;
	else if (links > REGISTRATION_LINKS_MAX)
		o->verdict = REGISTRATION_TOO_MANY;
	else if (o->count == 0)
		o->verdict = REGISTRATION_NO_OBJECTS;
	return o->verdict;
}

bool registration_objects_next(struct registration_objects *o, struct registration_object *ret)
{
	struct link link;
	while (o->verdict == REGISTRATION_GOOD && links_next(&o->links, &link))
		if (read_object(o->prefix, &link, ret))
			return true;
	return false;
}

bool registration_has_format(struct bytes formats, uint32_t format)
{
	uint8_t text[12];
	struct writer w = writer_of(text, sizeof text);
	write_decimal(&w, format);
	return has_word(formats, writer_bytes(&w));
}

void registration_write_root(struct writer *w, struct bytes formats)
{
	if (formats.len == 0)
		return;
	links_write(w, BYTES_NONE, PATH_ROOT);
	links_write_quoted(w, "ct", formats);
}

void registration_write_object(struct writer *w, const struct registration_object *object)
{
	struct path path = path_of_object(object->object);
	if (object->instance != REGISTRATION_NO_INSTANCE)
		path_add(&path, object->instance);
	links_write(w, BYTES_NONE, path);
	if (object->major == 0 && object->minor == 0)
		return;
	write_text(w, ";ver=");
	write_decimal(w, object->major);
	write_u8(w, '.');
	write_decimal(w, object->minor);
}
