/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/agentd_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static void print_usage(FILE *out)
{
	(void)fprintf(out, "usage: agentd [--config FILE]                  run\n"
			   "       agentd [--config FILE] --check-config   say whether the configuration is good\n"
			   "       agentd [--config FILE] --install IMAGE --version-text V --sequence N\n"
			   "                                               put a factory image into the first slot\n"
			   "       agentd --version | --help\n"
			   "The configuration is /etc/fieldfare/agentd.ini, or what AGENTD_CONFIG names.\n");
}

bool agentd_read_options(int argc, char **argv, struct agentd_options *o, enum agentd_status *ret_status)
{
	static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
		{"check-config", no_argument, NULL, 'k'}, {"install", required_argument, NULL, 'i'},
		{"version-text", required_argument, NULL, 't'}, {"sequence", required_argument, NULL, 's'},
		{"version", no_argument, NULL, 'V'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *environment = getenv("AGENTD_CONFIG");
	*o = (struct agentd_options){.config = NULL};
	o->config = environment != NULL ? environment : "/etc/fieldfare/agentd.ini";
	*ret_status = AGENTD_USAGE;
	for (int c; (c = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1;) {
		if (c == 'c')
			o->config = optarg;
		else if (c == 'k')
			o->checks_only = true;
		else if (c == 'i')
			o->provision.image = optarg;
		else if (c == 't')
			o->provision.version = optarg;
		else if (c == 's' && parse_decimal(bytes_of_text(optarg), INT64_MAX, &o->provision.sequence))
			o->provision.has_sequence = true;
		else if (c == 'V' || c == 'h') {
			if (c == 'V')
				(void)printf("agentd %s\n", FIELDFARE_VERSION);
			else
				print_usage(stdout);
			*ret_status = AGENTD_GOOD;
			return false;
		} else {
			print_usage(stderr);
			return false;
		}
	}
	bool is_half = o->provision.image != NULL && (o->provision.version == NULL || !o->provision.has_sequence);
	if (optind < argc || is_half)
		print_usage(stderr);
	return optind == argc && !is_half;
}
