/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/format.h"

#include "mgmt/payload.h"

#define BIT(purpose) (1u << (purpose))
#define ANY_MINOR    UINT8_MAX

/* Best first: small and exact before large and exact before untyped. A format is taken when the device announced it;
 * where it announced nothing, when its minor version is from `since` to `until`. LwM2M CBOR is the first choice among
 * what is announced and the last guess, because few who say 1.2 have it. */
static const struct {
	uint16_t format;
	uint8_t since, until; /* guessed in these minor versions */
	bool is_announced;    /* taken when announced */
	uint8_t purposes;
} preferences[] = {
	{PAYLOAD_LWM2M_CBOR, ANY_MINOR, 0, true, BIT(FORMAT_READ) | BIT(FORMAT_WRITE_ONE) | BIT(FORMAT_WRITE_MANY)},
	{PAYLOAD_SENML_CBOR, 1, ANY_MINOR, true,
		BIT(FORMAT_READ) | BIT(FORMAT_WRITE_MANY) | BIT(FORMAT_COMPOSITE_READ) | BIT(FORMAT_COMPOSITE_WRITE)},
	{PAYLOAD_SENML_JSON, 1, ANY_MINOR, true,
		BIT(FORMAT_READ) | BIT(FORMAT_WRITE_MANY) | BIT(FORMAT_COMPOSITE_READ) | BIT(FORMAT_COMPOSITE_WRITE)},
	{PAYLOAD_CBOR, ANY_MINOR, 0, true, BIT(FORMAT_WRITE_ONE)},
	{PAYLOAD_TLV, 0, 1, true, BIT(FORMAT_READ) | BIT(FORMAT_WRITE_MANY)},
	{PAYLOAD_TLV, 0, 0, true, BIT(FORMAT_WRITE_ONE)},
	{PAYLOAD_LWM2M_CBOR, 2, ANY_MINOR, false,
		BIT(FORMAT_READ) | BIT(FORMAT_WRITE_MANY) | BIT(FORMAT_COMPOSITE_WRITE)},
	{PAYLOAD_LWM2M_JSON, ANY_MINOR, 0, true, BIT(FORMAT_READ)},
};

#define PREFERENCE_COUNT (sizeof preferences / sizeof preferences[0])

struct candidates {
	uint16_t *formats;
	size_t count;
};

static void add(struct candidates *c, uint16_t format)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->formats[i] == format)
			return;
	if (c->count < FORMAT_CANDIDATES_MAX)
		c->formats[c->count++] = format;
}

static bool has_announced(const struct format_device *device, uint16_t format)
{
	for (size_t i = 0; i < device->format_count; i++)
		if (device->formats[i] == format)
			return true;
	return false;
}

static bool is_worth_trying(const struct format_device *device, size_t i)
{
	if (device->format_count > 0)
		return preferences[i].is_announced && has_announced(device, preferences[i].format);
	return device->minor >= preferences[i].since && device->minor <= preferences[i].until;
}

/* Every device has to take these, and needs no announcement to say so. */
static void add_plain(struct candidates *c, enum value_type type)
{
	if (type == VALUE_OPAQUE)
		add(c, PAYLOAD_OPAQUE);
	else
		add(c, PAYLOAD_TEXT);
}

size_t format_candidates(const struct format_device *device, enum format_purpose purpose, enum value_type type,
	uint16_t ret[FORMAT_CANDIDATES_MAX])
{
	struct candidates c = {.formats = ret};
	/* Whoever is asked without Accept answers in what it has, and is never wrong. */
	bool is_open = purpose == FORMAT_READ && device->format_count == 0 && device->minor > 0;
	bool is_composite = purpose == FORMAT_COMPOSITE_READ || purpose == FORMAT_COMPOSITE_WRITE;
	if (is_composite && device->minor == 0) /* composites came with 1.1 */
		return 0;
	if (purpose == FORMAT_WRITE_ONE && type == VALUE_OPAQUE)
		add_plain(&c, type);
	for (size_t i = 0; i < PREFERENCE_COUNT && !is_open; i++)
		if ((preferences[i].purposes & BIT(purpose)) != 0 && is_worth_trying(device, i))
			add(&c, preferences[i].format);
	if (purpose == FORMAT_WRITE_ONE)
		add_plain(&c, type);
	if (purpose == FORMAT_READ)
		add(&c, FORMAT_ANY);
	/* A device with composites knows SenML, whatever it announced; which one is a guess. */
	if (is_composite && c.count == 0) {
		add(&c, PAYLOAD_SENML_CBOR);
		add(&c, PAYLOAD_SENML_JSON);
	}
	return c.count;
}
