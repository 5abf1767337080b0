/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Our side of bench/coap-codec. To parse is everything that makes a message usable: header, token, table of options,
 * payload, verdict. To build is to write the datagram from the values in hand, in the order of their numbers, as
 * libcoap's functions do; `list` goes over the list of options, which takes them in any order. */
#include "bench/codec_run.h"
#include "coap/message.h"

static struct {
	const struct codec_case *c;
	struct coap_token token;
	struct bytes payload, datagram;
	unsigned option_count;
	struct option_in_hand {
		uint16_t number;
		bool is_number;
		uint32_t uint;
		struct bytes value;
	} options[CASE_OPTIONS_MAX];
	uint8_t buffer[COAP_MESSAGE_MAX_BYTES], sent[COAP_MESSAGE_MAX_BYTES];
	void (*write_options)(struct writer *w, const struct option_in_hand *o);
	struct coap_message message;
	struct coap_options list;
} bench;

static size_t parse(void)
{
	return coap_message_parse(bench.datagram, &bench.message) == COAP_VERDICT_OK ? bench.message.option_count
										     : 1000;
}

static void write_put_a_reading(struct writer *w, const struct option_in_hand *o)
{
	coap_option_write(w, 0, COAP_OPTION_URI_PATH, o[0].value);
	coap_option_write(w, COAP_OPTION_URI_PATH, COAP_OPTION_URI_PATH, o[1].value);
	coap_option_write(w, COAP_OPTION_URI_PATH, COAP_OPTION_URI_PATH, o[2].value);
	coap_option_write_uint(w, COAP_OPTION_URI_PATH, COAP_OPTION_CONTENT_FORMAT, o[3].uint);
	coap_option_write(w, COAP_OPTION_CONTENT_FORMAT, COAP_OPTION_URI_QUERY, o[4].value);
}

static void write_get_with_accept(struct writer *w, const struct option_in_hand *o)
{
	coap_option_write(w, 0, COAP_OPTION_URI_PATH, o[0].value);
	coap_option_write(w, COAP_OPTION_URI_PATH, COAP_OPTION_URI_PATH, o[1].value);
	coap_option_write(w, COAP_OPTION_URI_PATH, COAP_OPTION_URI_QUERY, o[2].value);
	coap_option_write(w, COAP_OPTION_URI_QUERY, COAP_OPTION_URI_QUERY, o[3].value);
	coap_option_write_uint(w, COAP_OPTION_URI_QUERY, COAP_OPTION_ACCEPT, o[4].uint);
}

static void write_content_in_blocks(struct writer *w, const struct option_in_hand *o)
{
	coap_option_write(w, 0, COAP_OPTION_ETAG, o[0].value);
	coap_option_write_uint(w, COAP_OPTION_ETAG, COAP_OPTION_CONTENT_FORMAT, o[1].uint);
	coap_option_write_uint(w, COAP_OPTION_CONTENT_FORMAT, COAP_OPTION_MAX_AGE, o[2].uint);
	coap_option_write_uint(w, COAP_OPTION_MAX_AGE, COAP_OPTION_BLOCK2, o[3].uint);
}

static void write_notification(struct writer *w, const struct option_in_hand *o)
{
	coap_option_write_uint(w, 0, COAP_OPTION_OBSERVE, o[0].uint);
	coap_option_write_uint(w, COAP_OPTION_OBSERVE, COAP_OPTION_CONTENT_FORMAT, o[1].uint);
	coap_option_write_uint(w, COAP_OPTION_CONTENT_FORMAT, COAP_OPTION_MAX_AGE, o[2].uint);
}

static void write_register(struct writer *w, const struct option_in_hand *o)
{
	coap_option_write(w, 0, COAP_OPTION_URI_PATH, o[0].value);
	coap_option_write_uint(w, COAP_OPTION_URI_PATH, COAP_OPTION_CONTENT_FORMAT, o[1].uint);
	coap_option_write(w, COAP_OPTION_CONTENT_FORMAT, COAP_OPTION_URI_QUERY, o[2].value);
	coap_option_write(w, COAP_OPTION_URI_QUERY, COAP_OPTION_URI_QUERY, o[3].value);
	coap_option_write(w, COAP_OPTION_URI_QUERY, COAP_OPTION_URI_QUERY, o[4].value);
}

static void (*const write_options[])(struct writer *, const struct option_in_hand *) = {
	write_put_a_reading,
	write_get_with_accept,
	write_content_in_blocks,
	write_notification,
	write_register,
};

static size_t build(void)
{
	const struct codec_case *c = bench.c;
	struct writer w = writer_of(bench.sent, sizeof bench.sent);
	coap_message_write_start(&w, (enum coap_type)c->type, (enum coap_code)c->code, c->id, &bench.token);
	bench.write_options(&w, bench.options);
	coap_message_write_payload(&w, bench.payload);
	return w.failed ? 0 : writer_bytes(&w).len;
}

static size_t list(void)
{
	const struct codec_case *c = bench.c;
	struct writer w = writer_of(bench.sent, sizeof bench.sent);
	coap_options_clear(&bench.list);
	const struct option_in_hand *option = bench.options, *end = option + bench.option_count;
	for (; option != end; option++) {
		if (option->is_number)
			coap_options_add_uint(&bench.list, option->number, option->uint);
		else
			coap_options_add(&bench.list, option->number, option->value);
	}
	coap_message_write(
		&w, (enum coap_type)c->type, (enum coap_code)c->code, c->id, &bench.token, &bench.list, bench.payload);
	return w.failed ? 0 : writer_bytes(&w).len;
}

static void prepare(const struct codec_case *c, const uint8_t **ret_datagram, size_t *ret_len)
{
	bench.c = c;
	bench.write_options = write_options[c - codec_cases];
	bench.token = coap_token_of(bytes_of_text(c->token));
	bench.payload = bytes_of_text(c->payload);
	for (; c->options[bench.option_count].number != 0; bench.option_count++) {
		unsigned i = bench.option_count;
		bench.options[i].number = c->options[i].number;
		bench.options[i].is_number = c->options[i].text == NULL;
		bench.options[i].uint = c->options[i].value;
		bench.options[i].value = bytes_of_text(c->options[i].text != NULL ? c->options[i].text : "");
	}
	*ret_len = list();
	memcpy(bench.buffer, bench.sent, *ret_len);
	bench.datagram = bytes_of(bench.buffer, *ret_len);
	*ret_datagram = bench.buffer;
	if (build() != *ret_len || memcmp(bench.buffer, bench.sent, *ret_len) != 0) {
		fprintf(stderr, "the two ways to build differ\n");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const struct codec ours = {prepare, parse, build, list};
	return codec_main(argc, argv, &ours);
}
