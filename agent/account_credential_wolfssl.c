/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/account_credential_wolfssl.h"

#include "coap/uri.h"
#include "dtls/raw_key_wolfssl.h"
#include "mgmt/text.h"

static struct bytes pem_of(uint8_t *room, size_t capacity, const char *label, struct bytes der)
{
	struct writer w = writer_of(room, capacity);
	write_text(&w, "-----BEGIN ");
	write_text(&w, label);
	write_text(&w, "-----\n");
	text_encode_base64(&w, TEXT_BASE64_PADDED, der);
	write_text(&w, "\n-----END ");
	write_text(&w, label);
	write_text(&w, "-----\n");
	return writer_bytes(&w);
}

/* A key stands in PKCS #8 (RFC 5208), which begins with version 0, or bare (RFC 5915), with version 1. */
static const char *label_of_key(struct bytes der)
{
	struct reader r = reader_of(der);
	(void)read_u8(&r);
	uint8_t length = read_u8(&r);
	if (length >= 0x80)
		(void)read_bytes(&r, length & 0x7f);
	(void)read_u16(&r);
	return read_u8(&r) == 1 && !r.failed ? "EC PRIVATE KEY" : "PRIVATE KEY";
}

static struct bytes key_of(struct account_credential *c, const struct account_security *account)
{
	struct bytes der = bytes_of(account->key, account->key_len);
	return pem_of(c->key, sizeof c->key, label_of_key(der), der);
}

static void set_raw_key(struct account_credential *c, const struct account_security *account)
{
	c->client.kind = DTLS_CREDENTIAL_RAW_KEY;
	c->client.certificate.raw_key_pem = key_of(c, account);
	if (raw_key_digest(bytes_of(account->peer, account->peer_len), c->server_key))
		c->client.server_raw_key = bytes_of(c->server_key, sizeof c->server_key);
}

/* What the server's certificate must name, should it be known by its authority. */
static struct bytes name_of(const struct account_security *account)
{
	struct coap_uri uri;
	if (account->sni_len > 0)
		return bytes_of(account->sni, account->sni_len);
	return coap_uri_parse(bytes_of(account->uri, account->uri_len), &uri) ? uri.host : BYTES_NONE;
}

static void set_certificate(struct account_credential *c, const struct account_security *account)
{
	struct bytes peer = bytes_of(account->peer, account->peer_len);
	struct dtls_own_certificate *own = &c->client.certificate;
	c->client.kind = DTLS_CREDENTIAL_CERTIFICATE;
	own->chain_pem = pem_of(c->certificate, sizeof c->certificate, "CERTIFICATE",
		bytes_of(account->identity, account->identity_len));
	own->key_pem = key_of(c, account);
	if (account->usage == USAGE_DOMAIN) {
		c->client.server_certificate = peer;
		return;
	}
	own->anchors_pem = pem_of(c->anchor, sizeof c->anchor, "CERTIFICATE", peer);
	c->client.server_name = name_of(account);
}

void account_credential_init(struct account_credential *c, const struct account_security *account)
{
	c->client = (struct dtls_client_credential){.kind = DTLS_CREDENTIAL_PSK};
	if (account->mode == SECURITY_RAW_KEY)
		set_raw_key(c, account);
	else if (account->mode == SECURITY_CERTIFICATE)
		set_certificate(c, account);
	else
		c->client = (struct dtls_client_credential){.kind = DTLS_CREDENTIAL_PSK,
			.psk_identity = bytes_of(account->identity, account->identity_len),
			.psk_key = bytes_of(account->key, account->key_len)};
}
