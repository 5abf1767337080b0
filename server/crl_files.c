/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/crl_files.h"

#include "pki/certificate_wolfcrypt.h"
#include "server/credential_files.h"

#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/coding.h>

#include <stdio.h>
#include <stdlib.h>

#define BEGIN "-----BEGIN X509 CRL-----"
#define END   "-----END X509 CRL-----"

static void say(char *message, const char *path, const char *what)
{
	(void)snprintf(message, SETTINGS_MESSAGE_BYTES, "%s: %s", path, what);
}

/* ---- marks ---- */

static void mark_of(struct bytes issuer, struct bytes serial, uint8_t ret[CRL_MARK_BYTES])
{
	uint8_t text[PKI_CERTIFICATE_MAX_BYTES], digest[PKI_FINGERPRINT_BYTES];
	struct writer w = writer_of(text, sizeof text);
	write_bytes(&w, bytes_first(issuer, sizeof text / 2));
	write_bytes(&w, bytes_first(serial, sizeof text / 2));
	pki_fingerprint(writer_bytes(&w), digest);
	memcpy(ret, digest, CRL_MARK_BYTES);
}

static bool mark_certificate(struct bytes der, uint8_t ret[CRL_MARK_BYTES])
{
	struct bytes issuer, serial;
	if (!pki_crl_subject(der, &issuer, &serial))
		return false;
	mark_of(issuer, serial, ret);
	return true;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, CRL_MARK_BYTES);
}

static int compare_number(const void *number, const void *mark)
{
	return memcmp(number, mark, sizeof(uint32_t));
}

/* ---- reading ---- */

static bool add(struct crl_files *c, const struct pki_crl *crl)
{
	struct bytes left = crl->entries, serial;
	while (pki_crl_next(&left, &serial)) {
		if (c->count == c->capacity) {
			uint32_t capacity = c->capacity == 0 ? 64 : 2 * c->capacity;
			struct crl_mark *more = realloc(c->marks, capacity * sizeof *more);
			if (more == NULL)
				return false;
			c->marks = more;
			c->capacity = capacity;
		}
		c->marks[c->count] = (struct crl_mark){.was_tried = false};
		mark_of(crl->issuer, serial, c->marks[c->count++].digest);
	}
	if (crl->next_update != 0 && (c->next_update == 0 || crl->next_update < c->next_update))
		c->next_update = crl->next_update;
	return true;
}

static bool is_from_an_anchor(const struct pki_crl *crl, struct bytes anchors_pem)
{
	uint8_t der[PKI_CERTIFICATE_MAX_BYTES];
	size_t len;
	while (pki_certificate_from_pem(&anchors_pem, der, sizeof der, &len))
		if (pki_crl_is_signed_by(crl, bytes_of(der, len)))
			return true;
	return false;
}

static const char *add_der(struct crl_files *c, struct bytes der, struct bytes anchors_pem)
{
	struct pki_crl crl;
	if (!pki_crl_read(der, &crl))
		return "holds a list that cannot be used: malformed, not signed by ecdsa-with-SHA256, or with a "
		       "critical extension";
	if (!is_from_an_anchor(&crl, anchors_pem))
		return "holds a list that none of the trust anchors has signed";
	return add(c, &crl) ? NULL : "out of memory";
}

static const char *add_pem(struct crl_files *c, struct bytes text, struct bytes anchors_pem)
{
	unsigned count = 0;
	uint8_t *der = malloc(text.len + 1);
	const char *wrong = der == NULL ? "out of memory" : NULL;
	for (; wrong == NULL; count++) {
		const uint8_t *begin = memmem(text.data, text.len, BEGIN, strlen(BEGIN));
		if (begin == NULL)
			break;
		text = bytes_from(text, (size_t)(begin - text.data) + strlen(BEGIN));
		const uint8_t *end = memmem(text.data, text.len, END, strlen(END));
		word32 len = (word32)text.len;
		if (end == NULL || Base64_Decode(text.data, (word32)(end - text.data), der, &len) != 0)
			wrong = "holds a broken PEM block";
		else
			wrong = add_der(c, bytes_of(der, len), anchors_pem);
	}
	free(der);
	return wrong == NULL && count == 0 ? "holds no list" : wrong;
}

bool crl_files_load(struct crl_files *c, const struct settings *settings, struct bytes anchors_pem,
	char message[SETTINGS_MESSAGE_BYTES])
{
	struct bytes text;
	*c = (struct crl_files){0};
	if (settings->crl[0] == '\0')
		return true;
	uint8_t *data = credential_files_read(settings->crl, false, &text, message);
	if (data == NULL)
		return false;
	bool is_der = text.len > 0 && text.data[0] == 0x30;
	const char *wrong = is_der ? add_der(c, text, anchors_pem) : add_pem(c, text, anchors_pem);
	free(data);
	if (wrong != NULL) {
		say(message, settings->crl, wrong);
		crl_files_done(c);
		return false;
	}
	if (c->count > 0)
		qsort(c->marks, c->count, sizeof *c->marks, compare);
	return true;
}

/* ---- asking ---- */

static bool port_has(void *context, struct bytes certificate_der, uint32_t *ret_number, bool *ret_is_first)
{
	const struct crl_files *c = context;
	uint8_t digest[CRL_MARK_BYTES];
	if (!mark_certificate(certificate_der, digest))
		return false;
	struct reader r = reader_of(bytes_of(digest, sizeof digest));
	*ret_number = read_u32(&r);
	struct crl_mark *mark = c->count == 0 ? NULL : bsearch(digest, c->marks, c->count, sizeof *c->marks, compare);
	if (mark == NULL)
		return false;
	*ret_is_first = !mark->was_tried;
	mark->was_tried = true;
	return true;
}

struct welcome_lists crl_files_port(struct crl_files *c)
{
	return (struct welcome_lists){c, port_has};
}

bool crl_files_has_number(const struct crl_files *c, uint32_t number)
{
	uint8_t text[sizeof number];
	struct writer w = writer_of(text, sizeof text);
	write_u32(&w, number);
	return c->count > 0 && bsearch(text, c->marks, c->count, sizeof *c->marks, compare_number) != NULL;
}

void crl_files_done(struct crl_files *c)
{
	free(c->marks);
	*c = (struct crl_files){0};
}
