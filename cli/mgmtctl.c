/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * mgmtctl: finds the command, reads its options, runs it, and writes the help from the same tables. */
#include "cli/http_client.h"
#include "cli/mgmtctl.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVER_DEFAULT  "http://127.0.0.1:8080"
#define COMMAND_COLUMNS 26

static const struct option_spec global_options[] = {
	{"server", "URL", "where mgmtd's API is (MGMTCTL_SERVER; else " SERVER_DEFAULT ")", false},
	{"token-file", "FILE", "a file whose first line is the token (else the token itself is in MGMTCTL_TOKEN)",
		false},
	{"json", NULL, "the server's JSON instead of tables; streams give one object a line", true},
	{"no-color", NULL, "no colours (also NO_COLOR)", true},
	{"version", NULL, "the version", false},
	{"help", NULL, "this help, or that of the command", true},
	{0},
};

static const struct command *const groups[] = {commands_authority, commands_claim, commands_device, commands_enrolment,
	commands_event, commands_history, commands_key, commands_observation, commands_release, commands_rekey,
	commands_log, commands_request, commands_resource, commands_revocation, commands_rollout, commands_server};

#define GROUP_COUNT (sizeof groups / sizeof *groups)

static const char help_about[] = "The operator's command line of Fieldfare.\n"
				 "\n"
				 "Usage: mgmtctl [OPTION ...] COMMAND [ARGUMENT ...]\n";

static const char help_statuses[] = "\n"
				    "Exit status\n"
				    "  0  done\n"
				    "  1  the server refused, or a local file is not as it must be\n"
				    "  2  the command line is wrong\n"
				    "  3  the server gave no answer\n"
				    "  4  the token is missing or unknown, or its role may not do this\n"
				    "  5  there is no such device, release or rollout\n"
				    "  6  the rollout that was watched did not end well\n"
				    "\n"
				    "mgmtctl COMMAND --help tells about one command.\n";

static void print_help(void)
{
	fputs(help_about, stdout);
	puts("\nCommands");
	for (size_t g = 0; g < GROUP_COUNT; g++)
		for (const struct command *c = groups[g]; c->words != NULL; c++) {
			char left[96];
			snprintf(left, sizeof left, "%s%s%s", c->words, *c->operands ? " " : "", c->operands);
			arguments_print_line(left, COMMAND_COLUMNS, c->summary, stdout);
		}
	puts("\nOptions");
	arguments_print_options(global_options, stdout);
	fputs(help_statuses, stdout);
}

static void print_command_help(const struct command *c)
{
	bool has_options = c->options != NULL && c->options->name != NULL;
	printf("mgmtctl %s: %s\n\nUsage: mgmtctl %s%s%s%s\n", c->words, c->summary, c->words, *c->operands ? " " : "",
		c->operands, has_options ? " [OPTION ...]" : "");
	if (c->help != NULL)
		printf("\n%s\n", c->help);
	if (has_options) {
		puts("\nOptions");
		arguments_print_options(c->options, stdout);
	}
	puts("\nOptions of every command");
	arguments_print_options(global_options, stdout);
}

/* How many of the words at `words` name the command; 0 when they name another one. */
static int match(const struct command *c, int count, char *const words[])
{
	const char *at = c->words;
	for (int n = 0; n < count; n++) {
		size_t len = strcspn(at, " ");
		if (strlen(words[n]) != len || memcmp(words[n], at, len) != 0)
			return 0;
		at += len;
		if (*at == '\0')
			return n + 1;
		at++;
	}
	return 0;
}

static const struct command *find_command(int count, char *const words[], int *ret_used)
{
	const struct command *found = NULL;
	*ret_used = 0;
	for (size_t g = 0; g < GROUP_COUNT; g++)
		for (const struct command *c = groups[g]; c->words != NULL; c++) {
			int used = match(c, count, words);
			if (used > *ret_used) {
				*ret_used = used;
				found = c;
			}
		}
	return found;
}

/* "rollout" alone, or with a word that is none: what there is that begins so. */
static enum exit_status complain_unknown(const char *word, bool is_asking)
{
	bool any = false;
	size_t len = strlen(word);
	FILE *out = is_asking ? stdout : stderr;
	for (size_t g = 0; g < GROUP_COUNT; g++)
		for (const struct command *c = groups[g]; c->words != NULL; c++)
			if (strncmp(c->words, word, len) == 0 && (c->words[len] == ' ' || c->words[len] == '\0')) {
				if (!any)
					fprintf(out, "Commands that begin with %s:\n", word);
				fprintf(out, "  mgmtctl %s%s%s\n", c->words, *c->operands ? " " : "", c->operands);
				any = true;
			}
	if (any)
		return is_asking ? EXIT_DONE : EXIT_USAGE;
	return complain(EXIT_USAGE, "there is no command \"%s\"; mgmtctl --help lists them", word);
}

static enum exit_status run_command(const struct command *command, const struct arguments *arguments)
{
	struct mgmtctl m = {.arguments = arguments, .command = command};
	size_t count = arguments->operand_count;
	if (count < command->operands_min)
		return complain_usage(&m, "something is missing: mgmtctl %s %s", command->words, command->operands);
	if (count > command->operands_max)
		return complain_usage(
			&m, "too many arguments, beginning with \"%s\"", arguments->operands[command->operands_max]);
	const char *server = arguments_value(arguments, "server"), *variable = getenv("MGMTCTL_SERVER");
	m.server = server != NULL ? server : variable != NULL && *variable != '\0' ? variable : SERVER_DEFAULT;
	m.is_json = arguments_has(arguments, "json");
	m.is_terminal = isatty(STDOUT_FILENO) == 1;
	const char *no_color = getenv("NO_COLOR");
	m.has_color = m.is_terminal && !arguments_has(arguments, "no-color") && (no_color == NULL || *no_color == '\0');
	enum exit_status status = command->run(&m);
	http_client_free(m.client);
	return status;
}

/* Options may stand before the command, between its words and behind them. */
static enum exit_status run(int count, char *const words[])
{
	static struct arguments arguments;
	char error[ARGUMENTS_ERROR_BYTES];
	int used;
	if (!arguments_parse(&arguments, count, words, global_options, NULL, true, &used, error))
		return complain(EXIT_USAGE, "%s; mgmtctl --help lists what there is", error);
	count -= used;
	words += used;
	if (arguments_has(&arguments, "version")) {
		puts("mgmtctl " FIELDFARE_VERSION);
		return EXIT_DONE;
	}
	bool is_asking = arguments_has(&arguments, "help");
	if (count == 0) {
		print_help();
		return is_asking ? EXIT_DONE : EXIT_USAGE;
	}
	const struct command *command = find_command(count, words, &used);
	if (command == NULL) {
		for (int i = 1; i < count; i++)
			is_asking |= strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0;
		return complain_unknown(words[0], is_asking);
	}
	if (!arguments_parse(
		    &arguments, count - used, words + used, command->options, global_options, false, &used, error))
		return complain(EXIT_USAGE, "%s\nTry: mgmtctl %s --help", error, command->words);
	if (arguments_has(&arguments, "help")) {
		print_command_help(command);
		return EXIT_DONE;
	}
	return run_command(command, &arguments);
}

int main(int count, char *words[])
{
	signal(SIGPIPE, SIG_DFL);
	enum exit_status status = run(count - 1, words + 1);
	if (fflush(stdout) != 0 && status == EXIT_DONE)
		status = complain(EXIT_REFUSED, "cannot write to standard output");
	return (int)status;
}
