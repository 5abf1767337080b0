/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Short texts in arrays of fixed size, always zero-terminated: names, versions, reasons.
 *
 * What comes from outside is set strictly (a name that does not fit is no name) or cut (a manufacturer's text is for
 * people). Either way nothing is kept but printable characters and UTF-8 beyond ASCII, so that logs and tables stay
 * readable. */
#pragma once

#include "coap/base/bytes.h"

/* Copies a text of 1 to capacity - 1 bytes without control characters. False, and nothing changed, otherwise. */
bool label_set(char *out, size_t capacity, struct bytes text);
/* Copies what fits, never half of a UTF-8 character; control characters become spaces. */
void label_cut(char *out, size_t capacity, struct bytes text);
/* A name of a release, a tag or a token: letters, digits and . _ - + :, not beginning with a dot. */
bool label_is_name(struct bytes text);
/* Between quotes, for a line of the log: quotes and backslashes with a backslash in front, control characters as
 * spaces, so that nobody's name can look like another entry. */
void label_write_quoted(struct writer *w, struct bytes text);
/* Ends what a writer has written into `out` with a zero; what was too long is cut. */
void label_end(char *out, size_t capacity, const struct writer *w);
