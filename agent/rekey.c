/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A pre-shared key follows another: when it is time, or an operator wants it (/26252/0/3), the device asks the server
 * it came with for the next one by POST /psk (server/handlers/psk.h), keeps it, and makes a new association with it, by
 * which the server learns that the old one is over. When it is time is decided by renewal.h. */
#include "agent/state.h"

#include "coap/content_format.h"

#define NO_END_S (INT64_C(100) * 365 * 86400) /* where nothing but an operator's word makes it time */

static void log_reason(struct agent *a, const char *event, const char *reason, enum agent_log_level level)
{
	struct logline line = logline_begin(event);
	logline_text(&line, "reason", reason);
	logline_end(&line, &a->ports.log, level);
}

/* ---- which key an association is made with ---- */

const struct account_security *rekey_account(struct agent *a, const struct account_security *account)
{
	if (!a->config.has_psk || !account->is_factory || account->is_bootstrap)
		return account;
	const struct rotation_pair *pair = rotation_choose(&a->rotation);
	if (pair == NULL)
		return account;
	a->rotated = *account;
	a->rotated.is_factory = false;
	a->rotated.mode = SECURITY_PSK;
	a->rotated.identity_len = pair->identity_len;
	memcpy(a->rotated.identity, pair->identity, pair->identity_len);
	a->rotated.key_len = pair->key_len;
	memcpy(a->rotated.key, pair->key, pair->key_len);
	return &a->rotated;
}

/* The wish outlives a restart between the Execute and the key. */
void rekey_wanted(struct agent *a, msec now)
{
	rotation_want(&a->rotation);
	renewal_trigger(&a->rekeying, now);
}

/* Two thirds of the time that renewal.h is told are the days of the configuration. */
static struct renewal_credential age_of_key(const struct agent *a, int64_t wall_s)
{
	const struct keystore_choice *choice = &a->rotation.choice;
	bool is_own = choice->using == KEYSTORE_CURRENT && choice->has_current;
	int64_t days_s = (int64_t)a->config.rekey_days * 86400;
	bool is_forgotten = choice->has_current && choice->using == KEYSTORE_FACTORY; /* by the server */
	if (a->rotation.is_wanted || is_forgotten)
		return (struct renewal_credential){.is_enrolled = false};
	if (days_s == 0)
		return (struct renewal_credential){true, wall_s, wall_s + NO_END_S};
	int64_t from = is_own ? a->rotation.current.since : 0;
	return (struct renewal_credential){is_own && from > 0, from, from + days_s / 2 * 3};
}

void rekey_connected(struct agent *a, msec now)
{
	if (!a->config.has_psk)
		return;
	switch (rotation_succeeded(&a->rotation)) {
	case KEYSTORE_PROMOTE:
		log_reason(a, "key_changed", "the new key is in use", AGENT_LOG_INFO);
		break;
	case KEYSTORE_DISCARD:
		log_reason(a, "key_discarded", "the new key never made an association", AGENT_LOG_WARNING);
		break;
	case KEYSTORE_SAME:
		break;
	}
	int64_t wall_s = (int64_t)a->world.sample.unix_time_s;
	struct renewal_credential age = age_of_key(a, wall_s);
	renewal_connected(&a->rekeying, &age, wall_s, now);
}

void rekey_failed(struct agent *a)
{
	if (a->config.has_psk)
		rotation_failed(&a->rotation);
}

void rekey_stop(struct agent *a, msec now)
{
	renewal_disconnected(&a->rekeying);
	if (!handle_is_none(a->rekey_exchange))
		coap_endpoint_cancel(a->endpoint, a->rekey_exchange, now);
	a->rekey_exchange = HANDLE_NONE;
}

/* ---- asking ---- */

static void take_pair(struct agent *a, struct bytes body, msec now)
{
	struct bytes identity, key;
	const char *wrong = NULL;
	if (!key_pair_read(body, &identity, &key))
		wrong = "the answer holds no key";
	else if (!rotation_add(&a->rotation, identity, key, (int64_t)a->world.sample.unix_time_s))
		wrong = "the state directory would not take it";
	if (wrong != NULL) {
		log_reason(a, "key_unusable", wrong, AGENT_LOG_ERROR);
		renewal_refused(&a->rekeying, now);
		return;
	}
	log_reason(a, "key_got", "a new key is there and will be tried", AGENT_LOG_INFO);
	renewal_done(&a->rekeying, now);
	register_reconnect(&account_factory(a)->registration, now);
}

static void replied(void *context, struct coap_endpoint *e, const struct coap_reply *reply, msec now)
{
	struct agent *a = context;
	uint32_t max_age_s = 60;
	(void)e;
	a->rekey_exchange = HANDLE_NONE;
	if (reply->outcome == COAP_OUTCOME_LOST)
		return;
	if (reply->outcome != COAP_OUTCOME_RESPONSE) {
		renewal_silent(&a->rekeying, now);
	} else if (reply->code == COAP_CHANGED) {
		take_pair(a, reply->body, now);
	} else if (reply->code == COAP_SERVICE_UNAVAILABLE) {
		(void)coap_message_uint(reply->message, COAP_OPTION_MAX_AGE, &max_age_s);
		renewal_busy(&a->rekeying, max_age_s, now);
	} else {
		log_reason(a, "key_refused", "the server gives no key to this device", AGENT_LOG_WARNING);
		renewal_refused(&a->rekeying, now);
	}
}

static bool is_quiet(struct agent *a)
{
	const struct uplink *u = account_factory(a);
	return u != NULL && u->is_connected && register_is_registered(&u->registration) &&
	       a->fetch.what == FETCH_NOTHING;
}

#define QUIET_CHECK SECONDS(5)

void rekey_tick(struct agent *a, msec now)
{
	if (renewal_deadline(&a->rekeying) > now)
		return;
	if (!is_quiet(a)) {
		renewal_postpone(&a->rekeying, msec_after(now, QUIET_CHECK));
		return;
	}
	struct coap_options options = {.count = 0};
	coap_options_add_text(&options, COAP_OPTION_URI_PATH, "psk");
	coap_options_add_uint(&options, COAP_OPTION_ACCEPT, COAP_FORMAT_CBOR);
	struct coap_call call = {.to = account_factory(a)->remote,
		.method = COAP_POST,
		.options = &options,
		.reply = replied,
		.context = a};
	if (renewal_due(&a->rekeying, now) && !coap_endpoint_request(a->endpoint, &call, now, &a->rekey_exchange))
		renewal_silent(&a->rekeying, now);
}
