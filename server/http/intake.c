/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/http/intake.h"

#include "server/label.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SPAN_MAX_S 31622400 /* a leap year */

static bool refuse(char *ret_reason, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(char *ret_reason, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(ret_reason, INTAKE_REASON_BYTES, format, list);
	va_end(list);
	return false;
}

json_t *intake_parse(struct bytes body, char ret_reason[INTAKE_REASON_BYTES])
{
	json_error_t error;
	json_t *value = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, &error);
	if (value == NULL) {
		refuse(ret_reason, "not JSON at line %d, column %d: %.120s", error.line, error.column, error.text);
	} else if (!json_is_object(value)) {
		refuse(ret_reason, "the body must be a JSON object");
		json_decref(value);
		return NULL;
	}
	return value;
}

bool intake_has_only(const json_t *object, const char *known, char ret_reason[INTAKE_REASON_BYTES])
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)object, name, value)
	{
		size_t len = strlen(name);
		bool is_known = false;
		for (const char *at = known; !is_known && *at != '\0'; at += strcspn(at, " "), at += *at == ' ')
			is_known = strcspn(at, " ") == len && memcmp(at, name, len) == 0;
		if (!is_known)
			return refuse(ret_reason, "unknown member \"%.60s\"; known here: %s", name, known);
	}
	return true;
}

static struct bytes text_of(const json_t *value)
{
	return bytes_of(json_string_value(value), json_string_length(value));
}

bool intake_amount(const char *text, uint32_t *ret, bool *ret_is_percent)
{
	struct bytes digits = bytes_of_text(text);
	bool is_percent = digits.len > 0 && digits.data[digits.len - 1] == '%';
	uint64_t value;
	digits.len -= is_percent;
	if (!parse_decimal(digits, is_percent ? 100 : UINT32_MAX, &value))
		return false;
	*ret = (uint32_t)value;
	*ret_is_percent = is_percent;
	return true;
}

/* A number, or a text that intake_amount reads. */
static bool read_amount(const json_t *value, uint32_t *ret, bool *ret_is_percent)
{
	if (json_is_string(value))
		return intake_amount(json_string_value(value), ret, ret_is_percent);
	json_int_t number = json_integer_value(value);
	if (!json_is_integer(value) || number < 0 || number > UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	*ret_is_percent = false;
	return true;
}

static bool read_waves(const json_t *waves, struct rollout_plan *plan, char *ret_reason)
{
	if (waves == NULL)
		return true;
	if (!json_is_array(waves) || json_array_size(waves) > ROLLOUT_WAVES_MAX)
		return refuse(ret_reason, "waves: an array of at most %d numbers or percentages", ROLLOUT_WAVES_MAX);
	plan->wave_count = (uint8_t)json_array_size(waves);
	for (uint8_t i = 0; i < plan->wave_count; i++) {
		struct rollout_wave *wave = &plan->waves[i];
		if (!read_amount(json_array_get(waves, i), &wave->size, &wave->is_percent) || wave->size == 0)
			return refuse(ret_reason, "waves[%u]: a number from 1, or a text from \"1%%\" to \"100%%\"", i);
	}
	return true;
}

static bool read_span(const json_t *spans, const char *name, uint32_t *ret_s, char *ret_reason)
{
	const json_t *value = json_object_get(spans, name);
	json_int_t seconds = json_integer_value(value);
	if (value == NULL)
		return true;
	if (!json_is_integer(value) || seconds < 1 || seconds > SPAN_MAX_S)
		return refuse(ret_reason, "timeouts.%s: seconds from 1 to %d", name, SPAN_MAX_S);
	*ret_s = (uint32_t)seconds;
	return true;
}

static bool read_spans(const json_t *spans, struct rollout_plan *plan, char *ret_reason)
{
	if (spans == NULL)
		return true;
	if (!json_is_object(spans))
		return refuse(ret_reason, "timeouts: an object of seconds");
	return intake_has_only(spans, "wait_s offer_s download_s install_s confirm_s", ret_reason) &&
	       read_span(spans, "wait_s", &plan->wait_s, ret_reason) &&
	       read_span(spans, "offer_s", &plan->offer_s, ret_reason) &&
	       read_span(spans, "download_s", &plan->download_s, ret_reason) &&
	       read_span(spans, "install_s", &plan->install_s, ret_reason) &&
	       read_span(spans, "confirm_s", &plan->confirm_s, ret_reason);
}

static bool read_names(const json_t *names, struct intake_rollout *ret, char *ret_reason)
{
	size_t count = json_array_size(names);
	if (!json_is_array(names) || count == 0 || count > INTAKE_NAMES_MAX)
		return refuse(ret_reason, "selection.devices: an array of 1 to %d endpoint names", INTAKE_NAMES_MAX);
	ret->names = calloc(count, sizeof *ret->names);
	if (ret->names == NULL)
		return refuse(ret_reason, "selection.devices: too many for the memory there is");
	for (size_t i = 0; i < count; i++) {
		const json_t *name = json_array_get(names, i);
		if (!json_is_string(name))
			return refuse(ret_reason, "selection.devices[%zu]: not a text", i);
		ret->names[i] = text_of(name);
	}
	ret->selection =
		(struct server_selection){.kind = SELECTION_NAMES, .names = ret->names, .name_count = (uint32_t)count};
	return true;
}

static bool read_selection(const json_t *selection, struct intake_rollout *ret, char *ret_reason)
{
	const json_t *all = json_object_get(selection, "all"), *devices = json_object_get(selection, "devices");
	const json_t *model = json_object_get(selection, "model"), *tag = json_object_get(selection, "tag");
	if (!json_is_object(selection) || json_object_size(selection) != 1)
		return refuse(ret_reason, "selection: an object with one of all, devices, model, tag");
	if (!intake_has_only(selection, "all devices model tag", ret_reason))
		return false;
	if (devices != NULL)
		return read_names(devices, ret, ret_reason);
	if (all != NULL) {
		ret->selection = (struct server_selection){.kind = SELECTION_ALL};
		return json_is_true(all) || refuse(ret_reason, "selection.all: true, or another way to select");
	}
	const json_t *text = model != NULL ? model : tag;
	ret->selection = (struct server_selection){
		.kind = model != NULL ? SELECTION_MODEL : SELECTION_TAG, .text = text_of(text)};
	return json_string_length(text) > 0 ||
	       refuse(ret_reason, "selection.%s: a text", model != NULL ? "model" : "tag");
}

static bool read_failures(const json_t *failures, struct rollout_plan *plan, char *ret_reason)
{
	return failures == NULL || read_amount(failures, &plan->failures_allowed, &plan->failures_in_percent) ||
	       refuse(ret_reason, "max_failures: a number, or a text from \"0%%\" to \"100%%\"");
}

static bool read_delivery(const json_t *delivery, struct rollout_plan *plan, char *ret_reason)
{
	return delivery == NULL || rollout_delivery_parse(text_of(delivery), &plan->delivery) ||
	       refuse(ret_reason, "delivery: auto, pull, package or image");
}

bool intake_rollout(const json_t *body, struct intake_rollout *ret, char ret_reason[INTAKE_REASON_BYTES])
{
	const json_t *release = json_object_get(body, "release");
	*ret = (struct intake_rollout){.plan = rollout_plan_default};
	if (!intake_has_only(body, "release selection waves max_failures timeouts delivery", ret_reason))
		return false;
	if (json_string_length(release) == 0)
		return refuse(ret_reason, "release: the id of a release is missing");
	ret->release = text_of(release);
	bool is_read = read_selection(json_object_get(body, "selection"), ret, ret_reason) &&
		       read_waves(json_object_get(body, "waves"), &ret->plan, ret_reason) &&
		       read_failures(json_object_get(body, "max_failures"), &ret->plan, ret_reason) &&
		       read_spans(json_object_get(body, "timeouts"), &ret->plan, ret_reason) &&
		       read_delivery(json_object_get(body, "delivery"), &ret->plan, ret_reason);
	if (!is_read)
		intake_rollout_done(ret);
	return is_read;
}

void intake_rollout_done(struct intake_rollout *r)
{
	free(r->names);
	r->names = NULL;
}

bool intake_tags(const json_t *body, char ret[DEVICE_TAGS_MAX + 1], char ret_reason[INTAKE_REASON_BYTES])
{
	const json_t *tags = json_object_get(body, "tags");
	struct writer w = writer_of(ret, DEVICE_TAGS_MAX);
	if (!intake_has_only(body, "tags", ret_reason))
		return false;
	if (!json_is_array(tags))
		return refuse(ret_reason, "tags: an array of words");
	for (size_t i = 0; i < json_array_size(tags); i++) {
		const json_t *tag = json_array_get(tags, i);
		if (!json_is_string(tag) || !label_is_name(text_of(tag)))
			return refuse(ret_reason, "tags[%zu]: a word of letters, digits and . _ - + :", i);
		write_text(&w, i > 0 ? " " : "");
		write_bytes(&w, text_of(tag));
	}
	if (w.failed)
		return refuse(ret_reason, "tags: together more than %d characters", DEVICE_TAGS_MAX);
	label_end(ret, DEVICE_TAGS_MAX + 1, &w);
	return true;
}

bool intake_token(const json_t *body, const char **ret_name, enum role *ret_role, char ret_reason[INTAKE_REASON_BYTES])
{
	const char *name = json_string_value(json_object_get(body, "name"));
	const char *role = json_string_value(json_object_get(body, "role"));
	if (!intake_has_only(body, "name role", ret_reason))
		return false;
	if (name == NULL)
		return refuse(ret_reason, "name: a text is missing");
	if (role == NULL || role_of_name(role) == ROLE_NONE)
		return refuse(ret_reason, "role: viewer, operator or admin");
	*ret_name = name;
	*ret_role = role_of_name(role);
	return true;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool intake_fingerprint(const char *text, uint8_t ret[SHA256_BYTES])
{
	size_t i = 0;
	for (; i < SHA256_BYTES; i++) {
		if (i > 0 && *text == ':')
			text++;
		int high = digit_of(text[0]), low = high < 0 ? -1 : digit_of(text[1]);
		if (low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return *text == '\0';
}

bool intake_revocation(const json_t *body, struct intake_revocation *ret, char ret_reason[INTAKE_REASON_BYTES])
{
	const json_t *fingerprint = json_object_get(body, "fingerprint"), *reason = json_object_get(body, "reason");
	*ret = (struct intake_revocation){.reason = "", .has_fingerprint = fingerprint != NULL};
	if (!intake_has_only(body, "fingerprint reason", ret_reason))
		return false;
	if (fingerprint != NULL &&
		(!json_is_string(fingerprint) || !intake_fingerprint(json_string_value(fingerprint), ret->fingerprint)))
		return refuse(ret_reason, "fingerprint: 64 hexadecimal digits");
	if (reason != NULL && (!json_is_string(reason) || json_string_length(reason) > DENIAL_REASON_MAX))
		return refuse(ret_reason, "reason: a text of up to %d bytes", DENIAL_REASON_MAX);
	if (reason != NULL)
		ret->reason = json_string_value(reason);
	return true;
}

bool intake_claim(const json_t *body, struct intake_claim *ret, char ret_reason[INTAKE_REASON_BYTES])
{
	const json_t *name = json_object_get(body, "endpoint"), *hours = json_object_get(body, "hours");
	*ret = (struct intake_claim){.name = "", .hours = 24};
	if (!intake_has_only(body, "endpoint hours", ret_reason))
		return false;
	if (name != NULL && json_string_length(name) == 0)
		return refuse(ret_reason, "endpoint: a text");
	if (hours != NULL && (json_integer_value(hours) < 1 || json_integer_value(hours) > INTAKE_HOURS_MAX))
		return refuse(ret_reason, "hours: a number from 1 to %d", INTAKE_HOURS_MAX);
	if (name != NULL)
		ret->name = json_string_value(name);
	if (hours != NULL)
		ret->hours = (uint32_t)json_integer_value(hours);
	return true;
}
