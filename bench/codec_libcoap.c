/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * libcoap's side of bench/coap-codec: coap_pdu_parse into a message that is made once, and coap_pdu_init,
 * coap_add_token, coap_add_option and coap_add_data. libcoap gives out its options with an iterator, which is not even
 * counted here. */
#include <coap3/coap.h>

#include "bench/codec_run.h"

static struct {
	const struct codec_case *c;
	size_t token_len, payload_len, lengths[CASE_OPTIONS_MAX], datagram_len;
	uint8_t datagram[256];
	coap_pdu_t *received;
} bench;

static size_t parse(void)
{
	return coap_pdu_parse(COAP_PROTO_UDP, bench.datagram, bench.datagram_len, bench.received) != 0 ? 1 : 1000;
}

static void add(coap_pdu_t *pdu, coap_option_num_t number, unsigned i)
{
	coap_add_option(pdu, number, bench.lengths[i], (const uint8_t *)bench.c->options[i].text);
}

static void add_uint(coap_pdu_t *pdu, coap_option_num_t number, unsigned i)
{
	uint8_t value[4];
	coap_add_option(pdu, number, coap_encode_var_safe(value, sizeof value, bench.c->options[i].value), value);
}

static void write_put_a_reading(coap_pdu_t *pdu)
{
	add(pdu, COAP_OPTION_URI_PATH, 0);
	add(pdu, COAP_OPTION_URI_PATH, 1);
	add(pdu, COAP_OPTION_URI_PATH, 2);
	add_uint(pdu, COAP_OPTION_CONTENT_FORMAT, 3);
	add(pdu, COAP_OPTION_URI_QUERY, 4);
}

static void write_get_with_accept(coap_pdu_t *pdu)
{
	add(pdu, COAP_OPTION_URI_PATH, 0);
	add(pdu, COAP_OPTION_URI_PATH, 1);
	add(pdu, COAP_OPTION_URI_QUERY, 2);
	add(pdu, COAP_OPTION_URI_QUERY, 3);
	add_uint(pdu, COAP_OPTION_ACCEPT, 4);
}

static void write_content_in_blocks(coap_pdu_t *pdu)
{
	add(pdu, COAP_OPTION_ETAG, 0);
	add_uint(pdu, COAP_OPTION_CONTENT_FORMAT, 1);
	add_uint(pdu, COAP_OPTION_MAXAGE, 2);
	add_uint(pdu, COAP_OPTION_BLOCK2, 3);
}

static void write_notification(coap_pdu_t *pdu)
{
	add_uint(pdu, COAP_OPTION_OBSERVE, 0);
	add_uint(pdu, COAP_OPTION_CONTENT_FORMAT, 1);
	add_uint(pdu, COAP_OPTION_MAXAGE, 2);
}

static void write_register(coap_pdu_t *pdu)
{
	add(pdu, COAP_OPTION_URI_PATH, 0);
	add_uint(pdu, COAP_OPTION_CONTENT_FORMAT, 1);
	add(pdu, COAP_OPTION_URI_QUERY, 2);
	add(pdu, COAP_OPTION_URI_QUERY, 3);
	add(pdu, COAP_OPTION_URI_QUERY, 4);
}

static void (*const write_options[])(coap_pdu_t *) = {
	write_put_a_reading,
	write_get_with_accept,
	write_content_in_blocks,
	write_notification,
	write_register,
};

static coap_pdu_t *make(void)
{
	const struct codec_case *c = bench.c;
	coap_pdu_t *pdu = coap_pdu_init((coap_pdu_type_t)c->type, (coap_pdu_code_t)c->code, c->id, 1152);
	if (pdu == NULL)
		return NULL;
	coap_add_token(pdu, bench.token_len, (const uint8_t *)c->token);
	write_options[c - codec_cases](pdu);
	if (bench.payload_len > 0)
		coap_add_data(pdu, bench.payload_len, (const uint8_t *)c->payload);
	return pdu;
}

static size_t build(void)
{
	coap_pdu_t *pdu = make();
	coap_delete_pdu(pdu);
	return bench.datagram_len;
}

static void write_header(void)
{
	const struct codec_case *c = bench.c;
	bench.datagram[0] = (uint8_t)(1 << 6 | c->type << 4 | (int)bench.token_len);
	bench.datagram[1] = c->code;
	bench.datagram[2] = (uint8_t)(c->id >> 8);
	bench.datagram[3] = (uint8_t)c->id;
}

/* libcoap puts the header in front when it sends, so the datagram is put together here from what it has built. */
static void prepare(const struct codec_case *c, const uint8_t **ret_datagram, size_t *ret_len)
{
	bench.c = c;
	bench.token_len = strlen(c->token);
	bench.payload_len = strlen(c->payload);
	for (unsigned i = 0; c->options[i].number != 0; i++)
		bench.lengths[i] = c->options[i].text != NULL ? strlen(c->options[i].text) : 0;
	coap_startup();
	coap_pdu_t *pdu = make();
	coap_opt_iterator_t options;
	const uint8_t *start = NULL, *data = NULL;
	size_t data_len = 0;
	coap_option_iterator_init(pdu, &options, COAP_OPT_ALL);
	const coap_opt_t *last = NULL;
	for (const coap_opt_t *option = coap_option_next(&options); option != NULL;
		option = coap_option_next(&options)) {
		start = start == NULL ? option : start;
		last = option;
	}
	coap_get_data(pdu, &data_len, &data);
	write_header();
	memcpy(bench.datagram + 4, c->token, bench.token_len);
	size_t at = 4 + bench.token_len;
	size_t options_len = last == NULL ? 0 : (size_t)(last - start) + coap_opt_size(last);
	if (start != NULL)
		memcpy(bench.datagram + at, start, options_len);
	at += options_len;
	if (data_len > 0) {
		bench.datagram[at++] = 0xff;
		memcpy(bench.datagram + at, data, data_len);
	}
	bench.datagram_len = at + data_len;
	coap_delete_pdu(pdu);
	bench.received = coap_pdu_init(COAP_MESSAGE_CON, COAP_EMPTY_CODE, 0, 1152);
	*ret_datagram = bench.datagram;
	*ret_len = bench.datagram_len;
}

int main(int argc, char **argv)
{
	static const struct codec theirs = {prepare, parse, build, NULL};
	return codec_main(argc, argv, &theirs);
}
