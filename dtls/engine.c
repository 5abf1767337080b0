/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/engine.h"

#include <assert.h>

const char *dtls_suite_name(enum dtls_suite suite)
{
	switch (suite) {
	case DTLS_SUITE_PSK_AES_128_GCM_SHA256:
		return "PSK_WITH_AES_128_GCM_SHA256";
	case DTLS_SUITE_PSK_AES_128_CCM_8:
		return "PSK_WITH_AES_128_CCM_8";
	case DTLS_SUITE_ECDHE_ECDSA_AES_128_GCM_SHA256:
		return "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
	case DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8:
		return "ECDHE_ECDSA_WITH_AES_128_CCM_8";
	case DTLS_SUITE_ECDHE_PSK_AES_128_GCM_SHA256:
		return "ECDHE_PSK_WITH_AES_128_GCM_SHA256";
	}
	return "unknown suite";
}

bool dtls_suite_parse(struct bytes name, enum dtls_suite *ret)
{
	static const enum dtls_suite suites[] = {DTLS_SUITE_PSK_AES_128_CCM_8, DTLS_SUITE_PSK_AES_128_GCM_SHA256,
		DTLS_SUITE_ECDHE_PSK_AES_128_GCM_SHA256, DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8,
		DTLS_SUITE_ECDHE_ECDSA_AES_128_GCM_SHA256};
	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
		*ret = suites[i];
		if (bytes_equal_text(name, dtls_suite_name(suites[i])))
			return true;
	}
	return false;
}

enum dtls_aead dtls_suite_aead(enum dtls_suite suite)
{
	switch (suite) {
	case DTLS_SUITE_PSK_AES_128_CCM_8:
	case DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8:
		return DTLS_AEAD_AES_128_CCM_8;
	case DTLS_SUITE_PSK_AES_128_GCM_SHA256:
	case DTLS_SUITE_ECDHE_ECDSA_AES_128_GCM_SHA256:
	case DTLS_SUITE_ECDHE_PSK_AES_128_GCM_SHA256:
		return DTLS_AEAD_AES_128_GCM;
	}
	assert(false); /* an engine has let in a suite that is none of ours */
	return DTLS_AEAD_AES_128_GCM;
}

const char *dtls_failure_text(enum dtls_failure failure)
{
	switch (failure) {
	case DTLS_FAILURE_TIMEOUT:
		return "timeout";
	case DTLS_FAILURE_REFUSED:
		return "refused by the peer";
	case DTLS_FAILURE_UNKNOWN_IDENTITY:
		return "unknown identity";
	case DTLS_FAILURE_BAD_KEY:
		return "wrong key";
	case DTLS_FAILURE_BAD_CERTIFICATE:
		return "bad certificate";
	case DTLS_FAILURE_NO_COMMON_SUITE:
		return "no common cipher suite";
	case DTLS_FAILURE_PROTOCOL:
		return "protocol error";
	case DTLS_FAILURE_ABANDONED:
		return "abandoned by the peer";
	case DTLS_FAILURE_DISPLACED:
		return "gave way to others while its peer was silent";
	case DTLS_FAILURE_INTERNAL:
		return "internal error";
	}
	return "unknown failure";
}
