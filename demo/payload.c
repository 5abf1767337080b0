/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The program that the demo's devices run, and that its update replaces: a small station that turns the readings of a
 * fluctuating flow into levels by a calibration table, and says how it is in a status file.
 *
 *     payload --home DIR               work until told to stop
 *     payload --home DIR --self-test   check that work is possible: exit status 0 or 1
 *
 * In its home lies `board`, the revision of the hardware. The self-test checks the home, the table, the arithmetic, and
 * that this version supports the board: version 1.1.0 needs an amplifier that boards before rev-b do not have. So the
 * same release is right for four devices of the demo and wrong for the fifth, which nobody knows before it tries.
 *
 * The table makes the program half a megabyte long. It comes from the build (demo/make_table.py). */
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES      512
#define READINGS_A_TICK 1000
#define TICK_MS         500

static volatile sig_atomic_t is_told_to_stop;

static void stop(int number)
{
	(void)number;
	is_told_to_stop = 1;
}

static bool complain(const char *what, const char *detail)
{
	(void)fprintf(stderr, "payload %s: %s%s%s\n", PAYLOAD_VERSION, what, detail[0] == '\0' ? "" : ": ", detail);
	return false;
}

/* ---- the work ---- */

/* A linear congruential generator stands in for the sensor. */
static uint32_t next_reading(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 15;
}

static uint64_t level_of(uint32_t reading)
{
	return table[reading % TABLE_ENTRIES];
}

static uint64_t mean_level(uint32_t *sensor)
{
	uint64_t sum = 0;
	for (int i = 0; i < READINGS_A_TICK; i++)
		sum += level_of(next_reading(sensor));
	return sum / READINGS_A_TICK;
}

/* ---- the status file ---- */

/* Replaced whole, so that a reader never sees half of it. */
static bool write_status(const char *home, uint64_t ticks, uint64_t level)
{
	char path[PATH_BYTES], fresh[PATH_BYTES];
	(void)snprintf(path, sizeof path, "%s/status", home);
	(void)snprintf(fresh, sizeof fresh, "%s/status.new", home);
	FILE *f = fopen(fresh, "we");
	if (f == NULL)
		return complain("cannot write", fresh);
	(void)fprintf(f, "version=%s\npid=%ld\nticks=%llu\nlevel=%llu\n", PAYLOAD_VERSION, (long)getpid(),
		(unsigned long long)ticks, (unsigned long long)level);
	bool is_written = fflush(f) == 0;
	is_written = fclose(f) == 0 && is_written;
	if (!is_written || rename(fresh, path) < 0)
		return complain("cannot write", path);
	return true;
}

/* ---- the self-test ---- */

static bool check_home(const char *home)
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof path, "%s/self-test", home);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return complain("home is not writable", strerror(errno));
	bool is_good = write(fd, "x", 1) == 1 && fsync(fd) == 0;
	(void)close(fd);
	(void)unlink(path);
	return is_good || complain("home cannot be written to", path);
}

static bool check_table(void)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < TABLE_ENTRIES; i++)
		sum = sum * 31 + table[i];
	return sum == TABLE_SUM || complain("the calibration table is damaged", "");
}

static bool check_arithmetic(void)
{
	uint32_t sensor = 1, again = 1;
	return mean_level(&sensor) == mean_level(&again) || complain("two equal runs differ", "");
}

static bool read_board(const char *home, char *revision, size_t capacity)
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof path, "%s/board", home);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return complain("cannot read", path);
	bool is_read = fgets(revision, (int)capacity, f) != NULL;
	(void)fclose(f);
	revision[is_read ? strcspn(revision, "\n") : 0] = '\0';
	return is_read || complain("is empty", path);
}

static bool check_board(const char *home)
{
	char revision[32];
	if (!read_board(home, revision, sizeof revision))
		return false;
	return strcmp(revision, PAYLOAD_OLDEST_BOARD) >= 0 || complain("this version does not support board", revision);
}

static bool self_test(const char *home)
{
	return check_home(home) && check_table() && check_arithmetic() && check_board(home);
}

/* ---- running ---- */

static int work(const char *home)
{
	const struct timespec pause = {.tv_nsec = TICK_MS * 1000000L};
	uint32_t sensor = (uint32_t)time(NULL);
	for (uint64_t ticks = 0; !is_told_to_stop; ticks++) {
		if (!write_status(home, ticks, mean_level(&sensor)))
			return 1;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *home = NULL;
	bool is_test = false;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--self-test") == 0)
			is_test = true;
		else if (strcmp(argv[i], "--home") == 0 && i + 1 < argc)
			home = argv[++i];
		else
			home = NULL, argc = 0;
	}
	if (home == NULL) {
		(void)fprintf(stderr, "usage: payload --home DIRECTORY [--self-test]\n");
		return 2;
	}
	if (is_test)
		return self_test(home) ? 0 : 1;
	struct sigaction action = {.sa_handler = stop};
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	return work(home);
}
