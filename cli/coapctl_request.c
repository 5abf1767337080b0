/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapctl_request.h"

#include "cli/coapctl_show.h"

#include <signal.h>
#include <stdio.h>

#define STOP_INTERVAL ((msec)20) /* how often to look whether the server has let go */

struct request {
	struct coap_client *client;
	const struct coapctl_arguments *arguments;
	struct handle exchange;
	msec began, ends, stops_by;
	uint32_t members; /* who have answered */
	enum coapctl_status status;
	bool is_over, is_stopping;
};

static void end(struct request *r, enum coapctl_status status)
{
	r->status = status;
	r->is_over = true;
	coap_client_stop(r->client);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct request *r = context;
	const struct coapctl_arguments *a = r->arguments;
	(void)endpoint;
	switch (reply->outcome) {
	case COAP_OUTCOME_MEMBER:
		r->members++;
		coapctl_show_member(a, reply);
		return;
	case COAP_OUTCOME_NOTIFICATION:
	case COAP_OUTCOME_BLOCK:
		coapctl_show(a, reply);
		return;
	case COAP_OUTCOME_RESPONSE:
		coapctl_show(a, reply);
		if (a->observes && coap_code_is_success(reply->code))
			fputs("coapctl: the server does not let this be observed\n", stderr);
		end(r, coapctl_status_of(reply->code));
		return;
	case COAP_OUTCOME_RESET:
		if (a->method == COAP_EMPTY)
			coapctl_show_pong(a, now - r->began);
		end(r, a->method == COAP_EMPTY ? COAPCTL_DONE
					       : coapctl_fail(COAPCTL_BROKEN, "the server rejected the request", NULL));
		return;
	case COAP_OUTCOME_TIMEOUT:
		end(r, r->members > 0 ? COAPCTL_DONE : coapctl_fail(COAPCTL_SILENT, "no answer", NULL));
		return;
	case COAP_OUTCOME_LOST:
		end(r, coapctl_fail(COAPCTL_SILENT,
			       a->uri.is_reliable ? "the connection ended" : "the secure session ended",
			       r->client->failure));
		return;
	case COAP_OUTCOME_BROKEN:
		end(r, coapctl_fail(COAPCTL_BROKEN, "the answer cannot be used", NULL));
		return;
	}
}

static msec deadline(void *context)
{
	struct request *r = context;
	return r->is_over ? NEVER : r->ends;
}

/* The first end cancels an observation politely; the second does not wait for that. */
static void stop(struct request *r, msec now)
{
	const struct coapctl_arguments *a = r->arguments;
	if (!a->observes || r->is_stopping) {
		end(r, a->observes || r->members > 0 ? COAPCTL_DONE : coapctl_fail(COAPCTL_SILENT, "no answer", NULL));
		return;
	}
	r->is_stopping = true;
	r->stops_by = now + SECONDS(2);
	r->ends = now + STOP_INTERVAL;
	coap_endpoint_cancel(r->client->endpoint, r->exchange, now);
}

static void tick(void *context, msec now)
{
	struct request *r = context;
	if (r->ends > now)
		return;
	if (!r->is_stopping)
		stop(r, now);
	else if (coap_endpoint_is_idle(r->client->endpoint) || now >= r->stops_by)
		end(r, COAPCTL_DONE);
	else
		r->ends = now + STOP_INTERVAL;
}

static void on_signal(struct ev_loop *ev, ev_signal *w, int events)
{
	struct request *r = w->data;
	(void)ev, (void)events;
	stop(r, coap_client_now(r->client));
}

static bool start(struct request *r, struct bytes payload)
{
	const struct coapctl_arguments *a = r->arguments;
	struct coap_call call = {.to = r->client->server,
		.method = a->method,
		.options = &a->options,
		.body = payload,
		.qblock = a->qblock,
		.is_nonconfirmable = a->is_nonconfirmable,
		.observe = a->observes,
		.is_group = a->is_group,
		.group_wait = a->is_group ? SECONDS((msec)a->timeout_s) : 0,
		.renews = true,
		.reply = on_reply,
		.context = r};
	r->began = coap_loop_read_clock();
	bool ends_itself = a->is_group || (a->observes && a->timeout_s == 0);
	r->ends = ends_itself ? NEVER : r->began + SECONDS((msec)a->timeout_s);
	if (a->method == COAP_EMPTY)
		return coap_endpoint_ping(r->client->endpoint, &call.to, on_reply, r, r->began, &r->exchange);
	return coap_endpoint_request(r->client->endpoint, &call, r->began, &r->exchange);
}

enum coapctl_status coapctl_request(struct coap_client *client, const struct coapctl_arguments *a, struct bytes payload)
{
	static struct request request; /* stays as long as the client may call */
	struct request *r = &request;
	ev_signal interrupted, terminated;
	*r = (struct request){.client = client, .arguments = a};
	if (!start(r, payload))
		return coapctl_fail(COAPCTL_USAGE, "the request is too long", NULL);
	client->deadline = deadline;
	client->tick = tick;
	client->context = r;
	ev_signal_init(&interrupted, on_signal, SIGINT);
	ev_signal_init(&terminated, on_signal, SIGTERM);
	interrupted.data = terminated.data = r;
	ev_signal_start(coap_loop_ev(&client->loop), &interrupted);
	ev_signal_start(coap_loop_ev(&client->loop), &terminated);
	coap_client_run(client);
	ev_signal_stop(coap_loop_ev(&client->loop), &interrupted);
	ev_signal_stop(coap_loop_ev(&client->loop), &terminated);
	return r->status;
}
