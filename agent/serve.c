/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What servers ask: the agent's objects as CoAP resources, who may ask for them, and what an operation wants of the
 * rest of the agent. */
#include "agent/state.h"

#define REBOOT_DELAY_MS SECONDS(2) /* for the answer to leave, once more if it is lost */

/* ---- requests ---- */

static bool path_of_request(const struct agent_entry *entry, const struct coap_request *request, struct path *ret)
{
	*ret = entry->path;
	for (uint8_t i = 0; i < request->rest_count; i++)
		if (!path_add_segment(ret, request->rest[i]))
			return false;
	return true;
}

/* What an operation asked of the composer. */
static void settle_wishes(struct agent *a, msec now)
{
	if (a->world.wants_reboot)
		a->reboot_at = msec_after(now, REBOOT_DELAY_MS);
	a->world.wants_reboot = false;
	if (a->world.wants_bootstrap)
		bootstrapping_trigger(a, now);
	a->world.wants_bootstrap = false;
	if (a->world.wants_renewal && a->ports.keystore != NULL)
		renewal_trigger(&a->renewal, now);
	else if (a->world.wants_renewal)
		rekey_wanted(a, now);
	a->world.wants_renewal = false;
	for (struct uplink *u = uplink_after(a, NULL); u != NULL && a->world.has_other_instances;
		u = uplink_after(a, u))
		register_list_changed(&u->registration, now);
	a->world.has_other_instances = false;
	if (!a->world.has_update_outcome)
		return;
	a->world.has_update_outcome = false;
	agent_follow(a, &a->world.update_outcome, now);
}

static bool is_from_bootstrap_server(struct agent *a, const struct agent_entry *entry, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct path path;
	if (!bootstrapping_is_from(a, &request->remote))
		return false;
	agent_sample(a, now);
	if (path_of_request(entry, request, &path))
		bootstrapping_handle(a, path, endpoint, request, ret, now);
	else
		ret->code = COAP_NOT_FOUND;
	settle_wishes(a, now);
	return true;
}

static enum coap_answer handle_finish(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct agent *a = context;
	(void)endpoint;
	if (bootstrapping_is_from(a, &request->remote)) {
		agent_sample(a, now);
		bootstrapping_handle_finish(a, request, ret, now);
	} else {
		ret->code = COAP_UNAUTHORIZED;
	}
	return COAP_ANSWER_NOW;
}

/* Only the servers may ask. With DTLS nobody else can; on a plain transport anybody could. */
static enum coap_answer handle_request(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	const struct agent_entry *entry = context;
	struct agent *a = entry->agent;
	struct path path;
	if (is_from_bootstrap_server(a, entry, endpoint, request, ret, now))
		return COAP_ANSWER_NOW;
	struct uplink *asking = account_from(a, &request->remote);
	if (asking == NULL) {
		ret->code = COAP_UNAUTHORIZED;
		return COAP_ANSWER_NOW;
	}
	if (!path_of_request(entry, request, &path)) {
		ret->code = COAP_NOT_FOUND;
		return COAP_ANSWER_NOW;
	}
	agent_sample(a, now);
	a->objects.asking = a->world.asking = uplink_number(asking);
	delegate_prepare(a);
	objects_handle(&a->objects, path, endpoint, request, ret, now);
	if (request->is_notification) {
		a->counters.notifications++;
		catchup_notified(asking, request->observer, now);
	}
	settle_wishes(a, now);
	return delegate_request(a, path, endpoint, request, ret, now);
}

static void forget_observer(void *context, struct handle observer)
{
	const struct agent_entry *entry = context;
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		report_remove(&entry->agent->reports[i], observer);
	delegate_forget(entry->agent, observer);
}

/* The server acknowledged no notification. Should it be there again by now, it would wait for the next one for ever:
 * registering anew makes it observe anew (lwm2m interface section 3.2 rule 3). */
static void observer_unreachable(void *context, struct handle observer, msec now)
{
	const struct agent_entry *entry = context;
	struct agent *a = entry->agent;
	for (struct uplink *u = uplink_after(a, NULL); u != NULL; u = uplink_after(a, u)) {
		if (report_has(&a->reports[uplink_number(u)], observer)) {
			catchup_lost(u);
			agent_suspect(u, "notification", now);
		}
	}
}

/* ---- resources ---- */

static void add_resource(struct agent *a, struct path tree)
{
	struct agent_entry *entry = &a->entries[a->resource_count];
	*entry = (struct agent_entry){.agent = a, .path = tree};
	struct writer w = writer_of(entry->text, sizeof entry->text - 1);
	if (tree.depth > 0)
		write_decimal(&w, tree.ids[0]);
	a->resources[a->resource_count++] = (struct coap_resource){
		.path = entry->text,
		.is_subtree = true,    /* below the root: the objects of extensions, which come and go */
		.is_observable = true, /* the root by FETCH: Observe-Composite */
		.is_hidden = tree.depth == 0 || tree.ids[0] == MODEL_SECURITY,
		.handle = handle_request,
		.forget = forget_observer,
		.unreachable = observer_unreachable,
		.context = entry,
	};
}

static enum coap_answer handle_package(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	const struct agent_entry *entry = context;
	if (push_handle(entry->agent, request, ret, now))
		return COAP_ANSWER_NOW;
	return handle_request(context, endpoint, request, ret, now);
}

/* Its own resource, because a package is longer than any body that is put together. */
static void add_package(struct agent *a)
{
	struct agent_entry *entry = &a->entries[a->resource_count];
	*entry = (struct agent_entry){.agent = a, .path = path_of_resource(MODEL_FIRMWARE, 0, FIRMWARE_PACKAGE)};
	a->resources[a->resource_count++] = (struct coap_resource){
		.path = "5/0/0", .is_hidden = true, .takes_stream = true, .handle = handle_package, .context = entry};
}

void serve_init(struct agent *a)
{
	for (size_t i = 0; i < a->own_count; i++)
		add_resource(a, path_of_object(a->own[i]->id));
	add_resource(a, path_of_object(MODEL_SECURITY));
	add_resource(a, PATH_ROOT);
	add_package(a);
	a->resources[a->resource_count++] =
		(struct coap_resource){.path = "bs", .is_hidden = true, .handle = handle_finish, .context = a};
}
