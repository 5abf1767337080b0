/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What of wolfSSL we build: DTLS 1.2 with the suites of RFC 7252 and RFC 7925, P-256 and Ed25519, and nothing else.
 * Whoever includes a wolfSSL header must see the same settings, so the Meson dependency defines WOLFSSL_USER_SETTINGS and
 * leads here. */
#ifndef FIELDFARE_WOLFSSL_USER_SETTINGS_H
#define FIELDFARE_WOLFSSL_USER_SETTINGS_H

/* One thread runs all protocol work. This also gives a WOLFSSL_CTX one random generator instead of one per handshake. */
#define SINGLE_THREADED
#define HAVE_GETRANDOM
#define HAVE___UINT128_T 1 /* both processors we build for have it */
#define WOLFSSL_IGNORE_FILE_WARN
#define NO_MAIN_DRIVER
#define NO_ERROR_QUEUE

/* Protocol. WOLFSSL_USER_IO stays away: with connection IDs it does not link. */
#define WOLFSSL_DTLS
#define WOLFSSL_DTLS_CID
#define DTLS_CID_MAX_SIZE 16
#define WOLFSSL_DTLS_MTU
#define NO_OLD_TLS
#define HAVE_TLS_EXTENSIONS
#define HAVE_SUPPORTED_CURVES
#define HAVE_EXTENDED_MASTER
#define HAVE_ENCRYPT_THEN_MAC
#define HAVE_SNI
/* Nobody renegotiates, but OpenSSL's clients leave a server that does not say so safely (RFC 5746 section 3.6). */
#define HAVE_SERVER_RENEGOTIATION_INFO
#define SMALL_SESSION_CACHE
#define WOLFSSL_STATIC_PSK
/* Tells a device that its identity is unknown (RFC 4279 section 2), instead of leaving it to its timeout. */
#define WOLFSSL_PSK_IDENTITY_ALERT
/* Raw public keys (RFC 7250). wolfSSL negotiates them and proves their possession, but whose they are is ours to say. */
#define HAVE_RPK
/* The keys of a finished handshake go to our own record layer. */
#define ATOMIC_USER
/* A certificate tells whom it belongs to in the verify callback, so that no session has to keep it. */
#define WOLFSSL_ALWAYS_VERIFY_CB

/* Ciphers. WOLFSSL_AEAD_ONLY and NO_AES_CBC do not build together with WOLFSSL_STATIC_PSK. */
#define HAVE_AESGCM
#define HAVE_AESCCM
#define WOLFSSL_AES_DIRECT
#define NO_DES3
#define NO_RC4
#define NO_MD4
#define NO_MD5
#define NO_RSA
#define NO_DH
#define NO_DSA
#define NO_PWDBASED
#define NO_PKCS12
#define HAVE_HKDF
#define HAVE_HASHDRBG
#define WOLFSSL_SHA512
#define WOLFSSL_SHA384

/* Curves: P-256 alone. A peer that could choose P-521 would cost us ten milliseconds of big-number work a handshake. */
#define HAVE_ECC
#define ECC_USER_CURVES
#define ECC_TIMING_RESISTANT
#define HAVE_ED25519
#define WOLFSSL_SP_MATH_ALL
#define WOLFSSL_HAVE_SP_ECC
#define SP_INT_BITS 521

/* Certificates, keys and requests, all from memory. */
#define WOLFSSL_ASN_TEMPLATE
#define WOLFSSL_CERT_GEN
#define WOLFSSL_CERT_SIGN_CB /* an authority's key may lie in a token */
#define WOLFSSL_CERT_REQ
#define WOLFSSL_CERT_EXT
#define WOLFSSL_ALT_NAMES
#define WOLFSSL_KEY_GEN
#define WOLFSSL_DER_TO_PEM
#define WOLFSSL_PEM_TO_DER

#if defined(__x86_64__)
#define WOLFSSL_X86_64_BUILD
#define WOLFSSL_AESNI
#define USE_INTEL_SPEEDUP
#define WOLFSSL_SP_X86_64_ASM
#elif defined(__aarch64__)
/* GCM_SMALL lacks a prototype with the assembly; the 4-bit table costs 512 bytes a key. */
#define GCM_TABLE_4BIT
#define WOLFSSL_ARMASM
#define WOLFSSL_SP_ARM64_ASM
#endif

#endif
