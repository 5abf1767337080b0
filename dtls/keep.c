/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The composer's part in letting sessions outlive the process. Handshakes do not: a peer in the middle of one begins
 * anew. */
#include "dtls/dtls_state.h"
#include "dtls/save.h"

#include <assert.h>

void dtls_mark_in(struct dtls *d, uint64_t *marks)
{
	dtls_sessions_mark_in(&d->sessions, marks);
}

uint32_t dtls_changed_count(const struct dtls *d)
{
	return d->sessions.changed_count;
}

static struct handle established_at(const struct dtls *d, uint32_t slot)
{
	bool is_there = slab_is_taken(&d->sessions.slab, slot) && d->sessions.sessions[slot].is_established;
	return is_there ? slab_handle(&d->sessions.slab, slot) : HANDLE_NONE;
}

bool dtls_changed(struct dtls *d, uint32_t *ret_slot, struct handle *ret_session)
{
	if (!dtls_session_next_changed(&d->sessions, ret_slot))
		return false;
	*ret_session = established_at(d, *ret_slot);
	return true;
}

bool dtls_save(struct dtls *d, struct dtls_save *save, struct handle session, uint16_t reserve, struct bytes note,
	uint8_t *out)
{
	const struct dtls_session *s = dtls_session_get(&d->sessions, session);
	assert(s != NULL && s->is_established && reserve <= DTLS_SESSION_RESERVE);
	return dtls_save_write(save, session, s, reserve, note, out);
}

void dtls_saved(struct dtls *d, uint32_t slot, uint16_t reserve)
{
	dtls_session_saved(&d->sessions, slot, reserve);
}

bool dtls_restore(struct dtls *d, const struct dtls_saved_session *saved, msec shift, msec now)
{
	struct dtls_session session = saved->session;
	session.active = session.active + shift < now ? session.active + shift : now;
	if (session.active < 0)
		session.active = 0;
	return dtls_session_restore(&d->sessions, saved->handle, &session);
}

void dtls_restored(struct dtls *d)
{
	dtls_sessions_restored(&d->sessions);
}
