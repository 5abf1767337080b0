/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One option of a request as people write it: "If-Match=0x1f2e", "If-None-Match", "Size2=0", "65000=text".
 *
 * The name is that of the option's RFC, or its number. The value is decimal for an option that holds a number; else
 * bytes as 0x..., or text as it is. */
#pragma once

#include "coap/option.h"

/* Appends the option; its value lies in `room`, whose buffer must outlive the list. False when the text is no option,
 * or its value is not what the option's definition allows. Whether the list has failed is the caller's to check. */
bool option_text_add(const char *text, struct writer *room, struct coap_options *options);
