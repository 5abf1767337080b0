/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The arguments of an Execute (lwm2m interface section 5): up to ten, each named by a digit, with a text or without:
 * "5", "2='10.3'", "0='U',3". */
#pragma once

#include "coap/base/bytes.h"

/* Whether the text is well formed; no text is no argument. */
bool execute_arguments_are_good(struct bytes text);
