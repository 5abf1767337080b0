/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/token_pkcs11.h"

#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/pkcs11.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SLOTS_MAX         32
#define POINT_MAX         80
#define REOPEN_AFTER_S    60
#define ERROR_BYTES       200
#define PIN_MAX           64
#define OCTET_STRING      0x04
#define UNCOMPRESSED_BYTE 0x04

/* Of PKCS #11 version 2.40, section 3.6, what the header does not have. */
#define CKF_USER_PIN_FINAL_TRY     0x00020000UL
#define CKF_USER_PIN_LOCKED        0x00040000UL
#define CKR_FUNCTION_FAILED        0x06UL
#define CKR_PIN_INCORRECT          0xA0UL
#define CKR_PIN_LEN_RANGE          0xA2UL
#define CKR_PIN_LOCKED             0xA4UL
#define CKR_SESSION_HANDLE_INVALID 0xB3UL
#define CKR_USER_ALREADY_LOGGED_IN 0x100UL

/* A module is initialised once for the whole process, whoever opens keys in it. */
static unsigned users;
/* How often a module was started anew since; the sessions of before are gone. */
static unsigned restarts;

struct token_pkcs11 {
	struct token_uri uri;
	size_t pin_len;
	uint8_t pin[PIN_MAX];
	void *library;
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	bool has_session;
	unsigned restarts; /* when the session began */
	bool pin_is_wrong; /* it is not tried again */
	time_t opened_at;  /* the last attempt */
	char error[ERROR_BYTES];
};

static bool fail(struct token_pkcs11 *t, const char *what, CK_RV code)
{
	(void)snprintf(t->error, sizeof t->error, "%s (CKR 0x%lx)", what, (unsigned long)code);
	return false;
}

/* ---- finding ---- */

/* Labels of tokens are 32 bytes, padded with blanks. */
static bool has_label(const struct token_pkcs11 *t, const CK_TOKEN_INFO *info)
{
	size_t len = sizeof info->label;
	while (len > 0 && info->label[len - 1] == ' ')
		len--;
	return bytes_equal_text(bytes_of(info->label, len), t->uri.token);
}

static bool look_for_slot(struct token_pkcs11 *t, CK_SLOT_ID *ret, CK_TOKEN_INFO *ret_info)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX, found = 0;
	CK_TOKEN_INFO info;
	CK_RV code = t->f->C_GetSlotList(CK_TRUE, slots, &count);
	if (code != CKR_OK)
		return fail(t, "the token's slots cannot be listed", code);
	for (CK_ULONG i = 0; i < count; i++) {
		if (t->f->C_GetTokenInfo(slots[i], &info) == CKR_OK && has_label(t, &info)) {
			*ret = slots[i];
			*ret_info = info;
			found++;
		}
	}
	if (found > 1)
		return fail(t, "there are several tokens of this label", CKR_OK);
	return found == 1 || fail(t, "there is no token of this label", CKR_OK);
}

/* Many modules look for tokens only when they start, so one that has come back is found by starting anew. */
static bool find_slot(struct token_pkcs11 *t, CK_SLOT_ID *ret, CK_TOKEN_INFO *ret_info)
{
	if (look_for_slot(t, ret, ret_info))
		return true;
	(void)t->f->C_Finalize(NULL);
	restarts++;
	CK_RV code = t->f->C_Initialize(NULL);
	if (code != CKR_OK)
		return fail(t, "the PKCS #11 module does not start", code);
	return look_for_slot(t, ret, ret_info);
}

static bool find_object(struct token_pkcs11 *t, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *ret)
{
	CK_KEY_TYPE type = CKK_EC;
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
		{CKA_LABEL, t->uri.object, bytes_of_text(t->uri.object).len}};
	CK_OBJECT_HANDLE found[2];
	CK_ULONG count = 0;
	CK_RV code = t->f->C_FindObjectsInit(t->session, wanted, sizeof wanted / sizeof wanted[0]);
	if (code == CKR_OK)
		code = t->f->C_FindObjects(t->session, found, 2, &count);
	(void)t->f->C_FindObjectsFinal(t->session);
	if (code != CKR_OK)
		return fail(t, "the token's keys cannot be listed", code);
	if (count != 1)
		return fail(t,
			count == 0 ? "the token has no elliptic-curve key of this label"
				   : "the token has several keys of this label",
			CKR_OK);
	*ret = found[0];
	return true;
}

/* ---- a session ---- */

static bool has_session(const struct token_pkcs11 *t)
{
	return t->has_session && t->restarts == restarts;
}

static void end_session(struct token_pkcs11 *t)
{
	if (has_session(t))
		(void)t->f->C_CloseSession(t->session);
	t->has_session = false;
}

/* The last try before a token locks itself belongs to a person: whoever supervises us may start us again and again. */
static bool log_in(struct token_pkcs11 *t, const CK_TOKEN_INFO *info)
{
	if ((info->flags & CKF_USER_PIN_LOCKED) != 0)
		return fail(t, "the token's PIN is locked", CKR_OK);
	if ((info->flags & CKF_USER_PIN_FINAL_TRY) != 0)
		return fail(t, "one more wrong PIN would lock the token; log in by hand once", CKR_OK);
	CK_RV code = t->f->C_Login(t->session, CKU_USER, t->pin, t->pin_len);
	if (code == CKR_OK || code == CKR_USER_ALREADY_LOGGED_IN)
		return true;
	t->pin_is_wrong = code == CKR_PIN_INCORRECT || code == CKR_PIN_LOCKED || code == CKR_PIN_LEN_RANGE;
	return fail(t,
		code == CKR_PIN_LOCKED ? "the token's PIN is locked"
		: t->pin_is_wrong      ? "the token refuses the PIN"
				       : "the token does not let us in",
		code);
}

static bool begin_session(struct token_pkcs11 *t)
{
	CK_SLOT_ID slot = 0;
	CK_TOKEN_INFO info = {0};
	(void)time(&t->opened_at);
	if (t->pin_is_wrong || !find_slot(t, &slot, &info))
		return false;
	CK_RV code = t->f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session);
	if (code != CKR_OK)
		return fail(t, "the token opens no session", code);
	t->has_session = true;
	t->restarts = restarts;
	if (log_in(t, &info) && find_object(t, CKO_PRIVATE_KEY, &t->key)) {
		t->error[0] = '\0';
		return true;
	}
	end_session(t);
	return false;
}

/* ---- signing ---- */

static CK_RV try_to_sign(
	struct token_pkcs11 *t, const uint8_t digest[PKI_SHA256_BYTES], uint8_t ret[PKI_SIGNATURE_BYTES])
{
	CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
	uint8_t input[PKI_SHA256_BYTES];
	CK_ULONG len = PKI_SIGNATURE_BYTES;
	memcpy(input, digest, sizeof input);
	CK_RV code = t->f->C_SignInit(t->session, &mechanism, t->key);
	if (code == CKR_OK)
		code = t->f->C_Sign(t->session, input, sizeof input, ret, &len);
	return code == CKR_OK && len != PKI_SIGNATURE_BYTES ? CKR_FUNCTION_FAILED : code;
}

static bool may_open_again(const struct token_pkcs11 *t)
{
	time_t now = time(NULL);
	return now - t->opened_at >= REOPEN_AFTER_S || now < t->opened_at;
}

static bool sign(void *context, const uint8_t digest[PKI_SHA256_BYTES], uint8_t ret[PKI_SIGNATURE_BYTES])
{
	struct token_pkcs11 *t = context;
	CK_RV code = has_session(t) ? try_to_sign(t, digest, ret) : CKR_SESSION_HANDLE_INVALID;
	if (code == CKR_OK)
		return true;
	end_session(t);
	if (may_open_again(t) && begin_session(t))
		code = try_to_sign(t, digest, ret);
	if (code != CKR_OK && t->error[0] == '\0')
		(void)fail(t, "the token does not sign", code);
	return code == CKR_OK;
}

struct pki_signer token_pkcs11_signer(struct token_pkcs11 *t)
{
	return (struct pki_signer){t, sign};
}

/* ---- the public half ---- */

/* CKA_EC_POINT is the point in an OCTET STRING; some tokens leave the wrapping off. */
bool token_pkcs11_public(struct token_pkcs11 *t, uint8_t ret[PKI_PUBLIC_KEY_BYTES])
{
	uint8_t point[POINT_MAX];
	CK_ATTRIBUTE wanted = {CKA_EC_POINT, point, sizeof point};
	CK_OBJECT_HANDLE object;
	if (!has_session(t) || !find_object(t, CKO_PUBLIC_KEY, &object))
		return false;
	CK_RV code = t->f->C_GetAttributeValue(t->session, object, &wanted, 1);
	if (code != CKR_OK)
		return fail(t, "the token does not show the public key", code);
	struct bytes found = bytes_of(point, wanted.ulValueLen);
	if (found.len == PKI_PUBLIC_KEY_BYTES + 2 && found.data[0] == OCTET_STRING)
		found = bytes_from(found, 2);
	if (found.len != PKI_PUBLIC_KEY_BYTES || found.data[0] != UNCOMPRESSED_BYTE)
		return fail(t, "the token's key is not on P-256", CKR_OK);
	memcpy(ret, found.data, PKI_PUBLIC_KEY_BYTES);
	return true;
}

/* ---- life ---- */

static bool load(struct token_pkcs11 *t)
{
	CK_C_GetFunctionList list = NULL;
	t->library = dlopen(t->uri.module, RTLD_NOW | RTLD_LOCAL);
	if (t->library == NULL) {
		(void)snprintf(t->error, sizeof t->error, "%s", dlerror());
		return false;
	}
	void *symbol = dlsym(t->library, "C_GetFunctionList");
	memcpy(&list, &symbol, sizeof list);
	if (list == NULL || list(&t->f) != CKR_OK)
		return fail(t, "this library is no PKCS #11 module", CKR_OK);
	CK_RV code = t->f->C_Initialize(NULL);
	if (code != CKR_OK && code != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		t->f = NULL;
		return fail(t, "the PKCS #11 module does not start", code);
	}
	users++;
	return true;
}

struct token_pkcs11 *token_pkcs11_open(const struct token_uri *uri, struct bytes pin, char *error, size_t error_size)
{
	struct token_pkcs11 *t = calloc(1, sizeof *t);
	const char *wrong = t == NULL                           ? "out of memory"
			    : pin.len == 0 || pin.len > PIN_MAX ? "the PIN is empty or too long"
								: NULL;
	if (wrong == NULL) {
		t->uri = *uri;
		memcpy(t->pin, pin.data, t->pin_len = pin.len);
		if (load(t) && begin_session(t))
			return t;
		wrong = t->error;
	}
	(void)snprintf(error, error_size, "%s", wrong);
	token_pkcs11_close(t);
	return NULL;
}

void token_pkcs11_close(struct token_pkcs11 *t)
{
	if (t == NULL)
		return;
	end_session(t);
	if (t->f != NULL && --users == 0)
		(void)t->f->C_Finalize(NULL);
	if (t->library != NULL && users == 0)
		(void)dlclose(t->library);
	explicit_bzero(t->pin, sizeof t->pin);
	free(t);
}

const char *token_pkcs11_error(const struct token_pkcs11 *t)
{
	return t->error;
}
