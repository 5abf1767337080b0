/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Approval in the composer: what waits for an operator, and his word. The list is not stored: a device whose request
 * was forgotten asks again. */
#include "server/composer.h"

#include "server/label.h"

enum approving approving_ask(struct server *s, const struct pki_request *wish, msec now)
{
	bool is_new;
	struct approval *a =
		approvals_ask(&s->approvals, pki_request_name(wish), wish->public_key, server_wall(s, now), &is_new);
	if (a == NULL) {
		s->counters.full++;
		return APPROVING_WAIT;
	}
	if (is_new) {
		struct note note = {.type = EVENT_ENROLMENT_WAITING, .device = a->name};
		server_note(s, &note, now);
	}
	switch (a->state) {
	case APPROVAL_WAITING:
		break;
	case APPROVAL_APPROVED:
		return APPROVING_GO_ON;
	case APPROVAL_REJECTED:
		return APPROVING_REFUSE;
	}
	return APPROVING_WAIT;
}

void approving_issued(struct server *s, const char *name)
{
	approvals_remove(&s->approvals, bytes_of_text(name));
}

const struct approval *server_enrolment_next(const struct server *s, uint32_t *cursor)
{
	return approvals_next(&s->approvals, cursor);
}

enum server_result server_enrolment_decide(
	struct server *s, struct bytes name, bool is_approved, const struct server_ask *ask, msec now)
{
	struct approval *a = approvals_find(&s->approvals, name);
	if (a == NULL)
		return command_refuse(s, SERVER_NO_ENROLMENT, name);
	struct note note = {.type = is_approved ? EVENT_ENROLMENT_APPROVED : EVENT_ENROLMENT_REJECTED,
		.device = a->name,
		.actor = ask->actor};
	struct pending *p = command_begin(s, PENDING_AUDIT, ask);
	if (p == NULL)
		return SERVER_BUSY;
	p->done = (struct server_done){.token = ask->token, .result = SERVER_DONE};
	server_note(s, &note, now);
	enum server_result result = command_commit(s, p, now);
	if (result == SERVER_ACCEPTED)
		a->state = is_approved ? APPROVAL_APPROVED : APPROVAL_REJECTED;
	return result;
}
