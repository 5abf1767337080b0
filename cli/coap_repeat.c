/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coap_repeat.h"

#include "cli/coap_print.h"
#include "coap/cached.h"

#include <stdio.h>
#include <stdlib.h>

#define CACHE_ENTRIES 16
#define CACHE_BYTES   (17u * 1024 * 1024) /* one body as long as the client takes, and more; pages come on demand */

struct repeat {
	struct coap_client *client;
	const struct coap_repeat_config *config;
	struct coap_repeat_result *result;
	struct coap_cache cache;
	struct coap_cached cached;
	void *memory[2];
	struct handle waiter; /* HANDLE_NONE unless an answer is waited for */
	uint32_t asked;
	msec at; /* when the next request is due, or its answer overdue */
	msec asked_at;
	bool is_over, is_refused;
};

/* ---- what comes ---- */

static const char *name_of(enum coap_cached_source source)
{
	switch (source) {
	case COAP_CACHED_FROM_SERVER:
		return "server";
	case COAP_CACHED_FROM_STORE:
		return "cache";
	case COAP_CACHED_FROM_VALIDATED:
		return "validated";
	}
	return "";
}

static void show(const struct coap_repeat_config *config, const struct coap_cached_answer *answer)
{
	const struct coap_cache_response *r = &answer->response;
	const struct coap_reply reply = {.outcome = COAP_OUTCOME_RESPONSE,
		.code = r->code,
		.content_format = r->content_format,
		.body = r->body};
	if (config->is_json) {
		printf("{\"source\":\"%s\",\"max_age_s\":%u,\"answer\":", name_of(answer->source), r->max_age_s);
		coap_print_json_object(&reply, stdout);
		puts("}");
	} else {
		if (config->is_verbose || coap_code_is_error(r->code)) {
			fprintf(stderr, "%s: ", name_of(answer->source));
			coap_print_code(&reply, stderr);
			fprintf(stderr, ", fresh for %u s\n", r->max_age_s);
		}
		if (!coap_code_is_error(r->code))
			coap_print_payload(&reply, true, stdout);
	}
	(void)fflush(stdout);
}

static void end(struct repeat *r)
{
	r->is_over = true;
	r->at = NEVER;
	coap_client_stop(r->client);
}

static void take(struct repeat *r, const struct coap_cached_answer *answer)
{
	r->waiter = HANDLE_NONE;
	r->result->outcome = answer->outcome;
	r->result->code = answer->response.code;
	r->at = msec_after(r->asked_at, r->config->interval);
	if (answer->outcome == COAP_OUTCOME_RESPONSE)
		show(r->config, answer);
	if (answer->outcome != COAP_OUTCOME_RESPONSE || r->asked == r->config->times)
		end(r);
}

static void on_answer(void *context, struct coap_endpoint *endpoint, const struct coap_cached_answer *answer, msec now)
{
	(void)endpoint, (void)now;
	take(context, answer);
}

/* ---- asking ---- */

static void ask(struct repeat *r, msec now)
{
	struct coap_cached_answer answer;
	struct coap_cached_call call = {.call = {.to = r->client->server,
						.method = COAP_GET,
						.options = r->config->options,
						.is_nonconfirmable = r->config->is_nonconfirmable},
		.answered = on_answer,
		.context = r};
	r->asked++;
	r->asked_at = now;
	r->at = msec_after(now, r->config->patience);
	switch (coap_cached_request(&r->cached, &call, now, &r->waiter, &answer)) {
	case COAP_CACHED_NOW:
		take(r, &answer);
		return;
	case COAP_CACHED_LATER:
		return;
	case COAP_CACHED_FULL:
		r->is_refused = true;
		end(r);
		return;
	}
}

static msec deadline(void *context)
{
	const struct repeat *r = context;
	return r->at;
}

static void tick(void *context, msec now)
{
	struct repeat *r = context;
	if (r->at > now)
		return;
	if (handle_is_none(r->waiter)) {
		ask(r, now);
		return;
	}
	coap_cached_leave(&r->cached, r->waiter, now);
	r->result->outcome = COAP_OUTCOME_TIMEOUT;
	end(r);
}

/* ---- running ---- */

static bool open_cache(struct repeat *r)
{
	const struct coap_cached_capacities capacities = {1, 1};
	uint8_t seed[PRNG_SEED_BYTES];
	struct prng prng;
	r->memory[0] = aligned_alloc(CARVE_ALIGNMENT, coap_cache_memory(CACHE_ENTRIES, CACHE_BYTES));
	r->memory[1] = aligned_alloc(CARVE_ALIGNMENT, coap_cached_memory(&capacities));
	if (r->memory[0] == NULL || r->memory[1] == NULL || coap_loop_seed(seed, sizeof seed) != 0)
		return false;
	prng_init(&prng, seed);
	coap_cache_init(&r->cache, r->memory[0], CACHE_ENTRIES, CACHE_BYTES, &prng);
	coap_cached_init(&r->cached, r->memory[1], &capacities, r->client->endpoint, &r->cache);
	return true;
}

bool coap_repeat(
	struct coap_client *client, const struct coap_repeat_config *config, struct coap_repeat_result *ret_result)
{
	static struct repeat r;
	r = (struct repeat){.client = client, .config = config, .result = ret_result, .at = coap_loop_read_clock()};
	*ret_result = (struct coap_repeat_result){.outcome = COAP_OUTCOME_LOST};
	bool is_open = open_cache(&r);
	if (is_open) {
		client->deadline = deadline;
		client->tick = tick;
		client->context = &r;
		coap_client_run(client);
		client->deadline = NULL;
		client->tick = NULL;
		if (!r.is_over) { /* the session has ended */
			coap_cached_leave(&r.cached, r.waiter, coap_client_now(client));
			ret_result->outcome = COAP_OUTCOME_LOST;
		}
	}
	free(r.memory[0]);
	free(r.memory[1]);
	return is_open && !r.is_refused;
}
