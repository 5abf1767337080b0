/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/proxy_call.h"

#include "coap/proxy_response.h"

static uint64_t observer_hash(struct handle observer)
{
	return bytes_hash(bytes_of(&observer, sizeof observer), 0);
}

bool coap_proxy_call_find_observer(const struct coap_proxy *p, struct handle observer, struct handle *ret)
{
	for (uint32_t slot = hash_index_first(&p->observers, observer_hash(observer)); slot != HASH_INDEX_END;
		slot = hash_index_next(&p->observers, slot)) {
		if (handle_equal(p->calls[slot].observer, observer)) {
			*ret = slab_handle(&p->slab, slot);
			return true;
		}
	}
	return false;
}

void coap_proxy_call_set_observer(struct coap_proxy *p, struct handle h, struct handle observer)
{
	struct coap_proxy_call *call = &p->calls[h.slot];
	if (!handle_is_none(call->observer))
		hash_index_remove(&p->observers, observer_hash(call->observer), h.slot);
	call->observer = observer;
	if (!handle_is_none(observer))
		hash_index_add(&p->observers, observer_hash(observer), h.slot);
}

void coap_proxy_call_answered(struct coap_proxy *p, struct handle h)
{
	p->calls[h.slot].later = HANDLE_NONE;
	deadlines_disarm(&p->deadlines, h.slot);
}

void coap_proxy_call_release(struct coap_proxy *p, struct handle h)
{
	struct coap_proxy_call *call = &p->calls[h.slot];
	deadlines_disarm(&p->deadlines, h.slot);
	coap_proxy_call_set_observer(p, h, HANDLE_NONE);
	if (call->body != COAP_PROXY_NO_BODY)
		slab_give(&p->bodies, slab_handle(&p->bodies, call->body));
	slab_give(&p->slab, h);
}

void coap_proxy_call_drop(struct coap_proxy *p, struct handle h, msec now)
{
	coap_cached_leave(p->cached, p->calls[h.slot].waiter, now);
	coap_proxy_call_release(p, h);
}

struct handle coap_proxy_call_handle(struct coap_proxy *p, const struct coap_proxy_call *call)
{
	return slab_handle(&p->slab, (uint32_t)(call - p->calls));
}

void coap_proxy_call_options(const struct coap_proxy_call *call, struct coap_options *ret)
{
	struct reader r = reader_of(bytes_of(call->options, call->options_len));
	struct coap_option option = {.number = 0};
	coap_options_clear(ret);
	while (coap_option_read(&r, &option) == COAP_OPTION_STEP_OPTION)
		coap_options_add(ret, option.number, option.value);
}

struct bytes coap_proxy_call_body(const struct coap_proxy *p, const struct coap_proxy_call *call)
{
	if (call->body == COAP_PROXY_NO_BODY)
		return BYTES_NONE;
	return bytes_of(p->body_store + (size_t)call->body * p->config.body_size_max, call->body_len);
}

static bool keep_body(struct coap_proxy *p, struct coap_proxy_call *call, struct bytes body)
{
	struct handle h;
	if (body.len == 0)
		return true;
	if (body.len > p->config.body_size_max || !slab_take(&p->bodies, &h))
		return false;
	memcpy(p->body_store + (size_t)h.slot * p->config.body_size_max, body.data, body.len);
	call->body = h.slot;
	call->body_len = (uint32_t)body.len;
	return true;
}

bool coap_proxy_call_take(struct coap_proxy *p, const struct coap_request *request, const struct coap_options *options,
	msec now, struct handle *ret_call, struct coap_response *ret)
{
	if (!slab_take(&p->slab, ret_call)) {
		coap_proxy_response_refuse(ret, COAP_SERVICE_UNAVAILABLE, "too much is under way");
		return false;
	}
	struct coap_proxy_call *call = &p->calls[ret_call->slot];
	struct writer w = writer_of(call->options, sizeof call->options);
	*call = (struct coap_proxy_call){
		.proxy = p, .later = request->later, .method = request->message->code, .body = COAP_PROXY_NO_BODY};
	coap_options_write(&w, options);
	call->options_len = (uint16_t)writer_bytes(&w).len;
	deadlines_arm(&p->deadlines, ret_call->slot, msec_after(now, p->config.wait));
	if (w.failed)
		coap_proxy_response_refuse(ret, COAP_BAD_OPTION, "the options are too long to be passed on");
	else if (keep_body(p, call, request->body))
		return true;
	else
		coap_proxy_response_refuse(ret, COAP_SERVICE_UNAVAILABLE, "too many bodies are under way");
	coap_proxy_call_release(p, *ret_call);
	return false;
}
