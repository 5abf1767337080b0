/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/pki.h"

const char *pki_request_verdict_text(enum pki_request_verdict verdict)
{
	switch (verdict) {
	case PKI_REQUEST_GOOD:
		return "good";
	case PKI_REQUEST_MALFORMED:
		return "not a certification request";
	case PKI_REQUEST_WRONG_KEY:
		return "the key is not on P-256";
	case PKI_REQUEST_UNPROVEN:
		return "the signature is not by the key";
	case PKI_REQUEST_LONG_NAME:
		return "the common name is longer than 63 bytes";
	}
	return "?";
}
