/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One extension: a program beside the agent that serves the resources of objects of its own (docs/extensions.md).
 *
 *              open                start works
 *     ABSENT --------> WAITING ------------------> RUNNING
 *        ^               ^ ^                        |  |
 *        |               | +------- ended ----------+  |
 *        |               +--- must be stopped ---------+
 *        +--- close, from any
 *
 * - What is asked of it is remembered until it answers, until the time for that is over (5.04), or until it has ended
 *   (5.03). Nothing is asked while it does not run.
 * - A program that lets EXTENSION_LATE_MAX questions in a row wait too long hangs; one that says EXTENSION_FAULTS_MAX
 *   lines in a row that are none of the protocol, or more than EXTENSION_LINES_MAX in a second that nobody has asked
 *   for, is broken. Both are stopped.
 * - After its end it waits from one second to five minutes, doubling, before it is started again; a life of a minute
 *   makes the next wait short again.
 * - It has the instances it names; until it does, and for an object that can have but one always, that is instance 0.
 *
 * The module starts nothing and sends nothing: its owner asks what is due, and gives it the lines that come. */
#pragma once

#include "agent/extension_line.h"
#include "agent/extension_values.h"
#include "coap/base/msec.h"
#include "coap/base/slab.h"

#define EXTENSION_NAME_MAX      31
#define EXTENSION_OBJECTS_MAX   4
#define EXTENSION_RESOURCES_MAX 64 /* of one object */
#define EXTENSION_INSTANCES_MAX 16 /* of all its objects */
#define EXTENSION_VALUES_MAX    128
#define EXTENSION_TEXT_BYTES    4096 /* of all its texts and octets */
#define EXTENSION_QUESTIONS_MAX 8
#define EXTENSION_LATE_MAX      3
#define EXTENSION_FAULTS_MAX    10
#define EXTENSION_LINES_MAX     200 /* in a second, answers not counted */

#define EXTENSION_BACKOFF_FIRST SECONDS(1)
#define EXTENSION_BACKOFF_MAX   SECONDS(300)
#define EXTENSION_GOOD_LIFE     SECONDS(60)
#define EXTENSION_REFRESH       SECONDS(5) /* between two questions that nobody waits for */

enum extension_state { EXTENSION_ABSENT, EXTENSION_WAITING, EXTENSION_RUNNING };

/* What its files say; borrowed until extension_close. */
struct extension_definition {
	const char *name; /* EXTENSION_NAME_MAX bytes at most */
	const struct model_object *objects;
	size_t object_count; /* 1 to EXTENSION_OBJECTS_MAX */
};

/* Whether an agent has room for what the files say. */
enum extension_verdict {
	EXTENSION_ACCEPTED,
	EXTENSION_TOO_LARGE, /* more objects or resources than there is room for, or none */
	EXTENSION_TAKEN,     /* an object is the agent's, the protocol's, or another extension's */
};

/* Who wants to know; the owner's own words. */
struct extension_asker {
	uint8_t kind;
	struct handle who;
};

struct extension_question {
	uint32_t id; /* 0 in a free slot */
	enum extension_op op;
	struct path path;
	struct extension_asker asker;
	msec deadline;
	bool is_lost; /* the program that was asked has ended */
};

struct extension {
	enum extension_state state;
	struct extension_definition definition;
	msec patience; /* how long an answer may take */
	struct path instances[EXTENSION_INSTANCES_MAX];
	size_t instance_count;
	struct extension_values values;
	struct extension_question questions[EXTENSION_QUESTIONS_MAX];
	uint32_t last_id;
	msec at;         /* WAITING: when it is to be started; RUNNING: since when it runs */
	msec backoff;    /* before the next start */
	unsigned late;   /* questions in a row that were not answered in time */
	unsigned faults; /* lines in a row that were none */
	msec second;     /* in which `lines` are counted: its beginning */
	unsigned lines;
	msec refreshed; /* when its values were asked for last without anybody waiting; NEVER */
	bool tells;     /* it has said by itself what has changed, so it need not be asked */
	bool must_stop;
};

/* What became of a question. */
struct extension_outcome {
	struct extension_asker asker;
	enum extension_op op;
	struct path path;
	enum coap_code code; /* COAP_EMPTY when it went well */
	struct bytes reason; /* for people; may be empty; borrowed until the next call */
};

/* ABSENT. `values` has been initialised. */
void extension_init(struct extension *x, const struct extension_values *values, msec patience);

/* Its files have come; it is to be started at once. */
void extension_open(struct extension *x, const struct extension_definition *definition, msec now);
/* Its files are gone. What was asked of it becomes due as lost; call extension_due until nothing is. */
void extension_close(struct extension *x);
/* It runs. */
void extension_started(struct extension *x, msec now);
/* It could not be started, or has ended by itself. */
void extension_ended(struct extension *x, msec now);

/* ---- asking ---- */

/* Remembers a question and gives it its number; 0 when it does not run or has been asked too much already. */
uint32_t extension_ask(
	struct extension *x, enum extension_op op, struct path path, struct extension_asker asker, msec now);
/* Whether its values should be asked for because somebody watches them: it runs, does not tell by itself, and the last
 * time is long enough ago. Taken as done. */
bool extension_refresh(struct extension *x, msec now);
/* It could not be sent after all. */
void extension_withdraw(struct extension *x, uint32_t id);
uint8_t extension_questions(const struct extension *x);

/* ---- listening ---- */

enum extension_heard {
	EXTENSION_HEARD_NOTHING, /* an answer that nobody waits for any more */
	EXTENSION_HEARD_NONSENSE,
	EXTENSION_HEARD_ANSWER,    /* `ret` is filled in; of a Read the values have been taken in */
	EXTENSION_HEARD_NEWS,      /* values have been taken in */
	EXTENSION_HEARD_INSTANCES, /* it has other instances than before */
};

/* Room for the work on one line; of all extensions together one is enough. */
struct extension_desk {
	const struct model *model; /* knows the objects of the definition */
	struct arena *scratch;     /* may be used up */
	struct record records[EXTENSION_VALUES_MAX];
	uint8_t spare[EXTENSION_TEXT_BYTES];
};

/* A line without its newline. An ANSWER that cannot be used is told as ANSWER with the code 5.02, and counts as
 * nonsense as well. */
enum extension_heard extension_receive(
	struct extension *x, struct bytes line, struct extension_desk *desk, msec now, struct extension_outcome *ret);

/* ---- time ---- */

enum extension_duty {
	EXTENSION_DUTY_NONE,
	EXTENSION_DUTY_START,
	EXTENSION_DUTY_STOP_HANGING, /* it is WAITING now, and its process is to be ended */
	EXTENSION_DUTY_STOP_BROKEN,
	EXTENSION_DUTY_TELL, /* a question has no answer, and `ret` is filled in */
};

msec extension_deadline(const struct extension *x);
/* Takes what is due; call until nothing. START asks for extension_started or extension_ended before the next call. */
enum extension_duty extension_due(struct extension *x, msec now, struct extension_outcome *ret);

/* ---- questions ---- */

/* NULL when it is none of its objects. */
const struct model_object *extension_object(const struct extension *x, uint16_t object);
bool extension_has_instance(const struct extension *x, struct path instance);
