/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * When the device asks for a certificate: at once while it has none of its own, else at two thirds of the certificate's
 * life, earlier by up to a twentieth by chance so that a fleet does not move in step.
 *
 * A clock that stands before the certificate's first moment is wrong (a device without a battery begins in 1970); then
 * a day of connection is waited instead. Silence and refusals are tried again with a back-off that doubles; it outlives
 * the association, and ends with a success.
 *
 * The module is asked what is due and told what came of it; it sends nothing. */
#pragma once

#include "coap/base/msec.h"
#include "coap/base/prng.h"

#include <stdbool.h>

/* What the association was made with. Times are seconds since 1970. */
struct renewal_credential {
	bool is_enrolled; /* a certificate that was got by enrolment; else what the device came with */
	int64_t from, until;
};

struct renewal {
	bool is_on, is_connected, is_asking;
	msec at;         /* when to ask; NEVER while an answer is awaited, or nobody is there to be asked */
	msec not_before; /* after a failure */
	msec backoff;    /* before the next attempt, without its random part; 0 after a success */
	struct prng *chance;
};

/* `chance` is borrowed for life. Where `is_on` is false nothing is ever due. */
void renewal_init(struct renewal *r, bool is_on, struct prng *chance);

void renewal_connected(struct renewal *r, const struct renewal_credential *credential, int64_t wall_s, msec now);
void renewal_disconnected(struct renewal *r);

msec renewal_deadline(const struct renewal *r);
/* Somebody wants it at once. */
void renewal_trigger(struct renewal *r, msec now);
/* It does not suit now. */
void renewal_postpone(struct renewal *r, msec at);
/* True once when it is time to ask; then one of the four below follows, or renewal_disconnected. */
bool renewal_due(struct renewal *r, msec now);

/* A new certificate is there, and is to be used for the next association. Should that fail, there is time before
 * another one is asked for. */
void renewal_done(struct renewal *r, msec now);
/* 5.03: later (RFC 9148 section 4.7). */
void renewal_busy(struct renewal *r, uint32_t max_age_s, msec now);
/* 4.xx, or an answer that is of no use. */
void renewal_refused(struct renewal *r, msec now);
void renewal_silent(struct renewal *r, msec now);
