/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * keygen: a pair of signing keys, made where releases are signed and nowhere else. */
#include "cli/files.h"
#include "cli/mgmtctl.h"

#include "mgmt/signature_wolfcrypt.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME_BYTES 4096

static const struct option_spec keygen_options[] = {
	{"out", "NAME", "writes NAME.key (secret, mode 0600) and NAME.pub (the trust anchor for devices)", false},
	{"algorithm", "ALGORITHM", "es256 (the default) or ed25519", false},
	{"name", "TEXT", "how the key is called in lists; the default is the last part of NAME", false},
	{"force", NULL, "overwrites files that are there", false},
	{0},
};

static bool write_key(const char *file, const struct trust_key *key, unsigned mode, bool may_replace)
{
	char line[TRUST_LINE_BYTES + 1];
	struct writer w = writer_of(line, sizeof line);
	trust_write_key(&w, key);
	write_text(&w, "\n");
	if (w.failed) {
		complain(EXIT_REFUSED, "the name of the key is too long");
		return false;
	}
	char error[FILES_ERROR_BYTES];
	bool is_written = files_write(file, writer_bytes(&w), mode, may_replace, error);
	memset(line, 0, sizeof line);
	if (!is_written)
		complain(EXIT_REFUSED, "%s", error);
	return is_written;
}

static enum exit_status write_pair(
	const char *out, const struct trust_key *secret, const struct trust_key *public_key, bool may_replace)
{
	char secret_file[NAME_BYTES + 8], public_file[NAME_BYTES + 8];
	snprintf(secret_file, sizeof secret_file, "%.*s.key", NAME_BYTES, out);
	snprintf(public_file, sizeof public_file, "%.*s.pub", NAME_BYTES, out);
	if (!may_replace && access(public_file, F_OK) == 0)
		return complain(EXIT_REFUSED, "%s is there already; --force overwrites it", public_file);
	if (!write_key(secret_file, secret, 0600, may_replace))
		return EXIT_REFUSED;
	return write_key(public_file, public_key, 0644, may_replace) ? EXIT_DONE : EXIT_REFUSED;
}

static void tell(const struct mgmtctl *m, const char *out, const char *algorithm)
{
	if (m->is_json) {
		json_t *value = json_pack("{s:s, s:s+, s:s+}", "algorithm", algorithm, "secret_key_file", out, ".key",
			"trust_anchor_file", out, ".pub");
		print_json(value);
		json_decref(value);
		return;
	}
	printf("%s.key  the secret key: sign releases with it, keep it offline, show it to nobody\n", out);
	printf("%s.pub  the trust anchor: goes to devices (trust_anchors in agentd.ini) and, if you like, to mgmtd\n",
		out);
}

static bool find_algorithm(const char *name, enum signature_algorithm *ret)
{
	static const enum signature_algorithm known[] = {SIGNATURE_ES256, SIGNATURE_EDDSA};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(trust_algorithm_name(known[i]), name) == 0) {
			*ret = known[i];
			return true;
		}
	return false;
}

static enum exit_status run_keygen(struct mgmtctl *m)
{
	const char *out = arguments_value(m->arguments, "out"),
		   *algorithm_name = arguments_value(m->arguments, "algorithm");
	const char *name = arguments_value(m->arguments, "name");
	enum signature_algorithm algorithm = SIGNATURE_ES256;
	if (out == NULL || *out == '\0')
		return complain_usage(m, "--out NAME is missing");
	if (strlen(out) > NAME_BYTES)
		return complain_usage(m, "the name is too long");
	if (algorithm_name != NULL && !find_algorithm(algorithm_name, &algorithm))
		return complain_usage(m, "the algorithm is es256 or ed25519, not \"%s\"", algorithm_name);
	if (name == NULL)
		name = strrchr(out, '/') != NULL ? strrchr(out, '/') + 1 : out;
	if (strlen(name) > TRUST_NAME_MAX)
		return complain_usage(m, "a key's name has at most %d bytes; --name sets another one", TRUST_NAME_MAX);
	struct trust_key secret, public_key;
	if (!signature_wolfcrypt_generate(algorithm, name, &secret, &public_key))
		return complain(EXIT_REFUSED, "cannot make a key: the library refuses; is there randomness?");
	enum exit_status status = write_pair(out, &secret, &public_key, arguments_has(m->arguments, "force"));
	memset(&secret, 0, sizeof secret);
	if (status == EXIT_DONE)
		tell(m, out, trust_algorithm_name(algorithm));
	return status;
}

const struct command commands_key[] = {
	{"keygen", "--out NAME", "makes a pair of keys to sign releases with",
		"Works offline. The secret key belongs where releases are signed, never on the server.", keygen_options,
		0, 0, run_keygen},
	{0},
};
