/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An extension of the agent in C: serves object 26301 of tank.xml, of which a server may create and delete instances
 * (docs/extensions.md).
 *
 *     tank                    talks on its standard input and output, as a program that the agent starts
 *     tank --socket PATH      listens on a Unix socket, as a service that runs anyway
 *
 * Lines come in a form that scanf can take apart. A real tank would have a sensor; this one is as full as it was made.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OBJECT    26301u
#define TANKS_MAX 8
#define LINE_MAX  4096

enum resource { LEVEL, CAPACITY, FILL };

struct tank {
	bool is_there;
	long capacity;
	double level;
};

struct question {
	unsigned long id;
	char op[16], path[32];
	int depth; /* how many numbers the path has */
	unsigned instance, resource;
	const char *rest; /* of the line, from the path on */
};

static struct tank tanks[TANKS_MAX] = {{true, 1000, 250}};

/* ---- answers ---- */

static void accept_it(FILE *out, const struct question *q)
{
	fprintf(out, "{\"id\":%lu}\n", q->id);
}

static void refuse(FILE *out, const struct question *q, const char *error)
{
	fprintf(out, "{\"id\":%lu,\"error\":\"%s\"}\n", q->id, error);
}

static void tell_instances(FILE *out)
{
	const char *comma = "";
	fprintf(out, "{\"instances\":[");
	for (unsigned i = 0; i < TANKS_MAX; i++) {
		if (!tanks[i].is_there)
			continue;
		fprintf(out, "%s\"/%u/%u\"", comma, OBJECT, i);
		comma = ",";
	}
	fprintf(out, "]}\n");
}

static void tell_level(FILE *out, unsigned i)
{
	fprintf(out, "{\"notify\":[{\"n\":\"/%u/%u/%d\",\"v\":%.1f}]}\n", OBJECT, i, LEVEL, tanks[i].level);
}

/* ---- operations ---- */

static void write_values(FILE *out, unsigned i, const char *comma)
{
	fprintf(out, "%s{\"n\":\"/%u/%u/%d\",\"v\":%.1f},{\"n\":\"/%u/%u/%d\",\"v\":%ld}", comma, OBJECT, i, LEVEL,
		tanks[i].level, OBJECT, i, CAPACITY, tanks[i].capacity);
}

static void read_it(FILE *out, const struct question *q)
{
	const struct tank *tank = &tanks[q->instance];
	const char *comma = "";
	if (q->depth == 3 && q->resource == LEVEL) {
		fprintf(out, "{\"id\":%lu,\"value\":%.1f}\n", q->id, tank->level);
		return;
	}
	if (q->depth == 3) {
		fprintf(out, "{\"id\":%lu,\"value\":%ld}\n", q->id, tank->capacity);
		return;
	}
	fprintf(out, "{\"id\":%lu,\"values\":[", q->id);
	for (unsigned i = 0; i < TANKS_MAX; i++) {
		if (!tanks[i].is_there || (q->depth == 2 && i != q->instance))
			continue;
		write_values(out, i, comma);
		comma = ",";
	}
	fprintf(out, "]}\n");
}

/* The capacity, alone or among the values; false when it is not there. */
static bool find_capacity(const struct question *q, long *ret)
{
	const char *alone = "\"value\":", *among = "/1\",\"v\":";
	const char *at = strstr(q->rest, alone);
	size_t skip = strlen(alone);
	if (at == NULL) {
		at = strstr(q->rest, among);
		skip = strlen(among);
	}
	if (at != NULL)
		*ret = strtol(at + skip, NULL, 10);
	return at != NULL;
}

static void set_capacity(struct tank *tank, long capacity)
{
	tank->capacity = capacity;
	if (tank->level > (double)capacity)
		tank->level = (double)capacity;
}

static void write_it(FILE *out, const struct question *q)
{
	long capacity;
	if (q->depth == 1 || !find_capacity(q, &capacity)) {
		refuse(out, q, q->depth == 1 ? "not-allowed" : "bad-value");
		return;
	}
	set_capacity(&tanks[q->instance], capacity);
	accept_it(out, q);
	tell_level(out, q->instance);
}

static void create_it(FILE *out, const struct question *q)
{
	long capacity = 100;
	(void)find_capacity(q, &capacity);
	tanks[q->instance] = (struct tank){true, capacity, 0};
	accept_it(out, q);
}

static void answer(FILE *out, const struct question *q)
{
	bool is_there = q->depth == 1 || (q->instance < TANKS_MAX && tanks[q->instance].is_there);
	if (strcmp(q->op, "create") == 0 && q->instance < TANKS_MAX) {
		create_it(out, q);
	} else if (!is_there) {
		refuse(out, q, strcmp(q->op, "create") == 0 ? "not-allowed" : "not-found");
	} else if (strcmp(q->op, "read") == 0) {
		read_it(out, q);
	} else if (strcmp(q->op, "write") == 0) {
		write_it(out, q);
	} else if (strcmp(q->op, "execute") == 0) {
		tanks[q->instance].level = (double)tanks[q->instance].capacity;
		accept_it(out, q);
		tell_level(out, q->instance);
	} else if (strcmp(q->op, "delete") == 0) {
		tanks[q->instance].is_there = false;
		accept_it(out, q);
	} else {
		refuse(out, q, "not-allowed");
	}
}

/* ---- lines ---- */

static bool read_question(const char *line, struct question *ret)
{
	unsigned object;
	int used = 0;
	if (sscanf(line, "{\"id\":%lu,\"op\":\"%15[a-z]\",\"path\":\"%31[/0-9]\"%n", &ret->id, ret->op, ret->path,
		    &used) < 3 ||
		used == 0)
		return false;
	ret->rest = line + used;
	ret->instance = ret->resource = 0;
	ret->depth = sscanf(ret->path, "/%u/%u/%u", &object, &ret->instance, &ret->resource);
	return ret->depth > 0;
}

static void serve(FILE *in, FILE *out)
{
	static char line[LINE_MAX];
	struct question q;
	setvbuf(out, NULL, _IOLBF, 0);
	tell_instances(out);
	while (fgets(line, sizeof line, in) != NULL)
		if (read_question(line, &q))
			answer(out, &q);
}

static int listen_on(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || strlen(path) >= sizeof address.sun_path)
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	(void)unlink(path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0)
		return -1;
	return fd;
}

static int serve_socket(const char *path)
{
	int listener = listen_on(path), fd;
	if (listener < 0) {
		perror(path);
		return 1;
	}
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
		if (in != NULL && out != NULL)
			serve(in, out);
		if (out != NULL)
			fclose(out);
		if (in != NULL)
			fclose(in);
	}
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--socket") == 0)
		return serve_socket(argv[2]);
	if (argc != 1) {
		fprintf(stderr, "usage: tank [--socket PATH]\n");
		return 2;
	}
	serve(stdin, stdout);
	return 0;
}
