/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two objects for tests of extensions: 26300, of which there is one instance, and 26301, of which there may be many. */
#pragma once

#include "mgmt/model.h"

static const struct model_resource extension_model_room[] = {
	{.id = 0, .operations = MODEL_READ | MODEL_WRITE, .type = VALUE_STRING, .is_mandatory = true, .name = "Room"},
	{.id = 1, .operations = MODEL_READ, .type = VALUE_FLOAT, .name = "Temperature"},
	{.id = 2, .operations = MODEL_READ | MODEL_WRITE, .type = VALUE_INTEGER, .name = "Set Point"},
	{.id = 3, .operations = MODEL_READ, .type = VALUE_BOOLEAN, .name = "Heating"},
	{.id = 4, .operations = MODEL_EXECUTE, .name = "Reset"},
	{.id = 5, .operations = MODEL_READ, .type = VALUE_OPAQUE, .name = "Picture"},
	{.id = 6, .operations = MODEL_READ | MODEL_WRITE, .type = VALUE_INTEGER, .is_multiple = true, .name = "Hours"},
};

static const struct model_resource extension_model_tank[] = {
	{.id = 0, .operations = MODEL_READ, .type = VALUE_FLOAT, .name = "Level"},
};

static const struct model_object extension_model_objects[] = {
	{.id = 26300,
		.name = "Room Thermostat",
		.version = "1.0",
		.resource_count = 7,
		.resources = extension_model_room},
	{.id = 26301,
		.name = "Tank",
		.version = "1.0",
		.is_multiple = true,
		.resource_count = 1,
		.resources = extension_model_tank},
};

static const struct model extension_model = {.object_count = 2, .objects = extension_model_objects};
