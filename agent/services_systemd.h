/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Units of systemd, asked over D-Bus with sd-bus (edge). Each question is answered within a millisecond by a system
 * manager that is well, and given up after SYSTEMD_ANSWER_LIMIT_MS; after that nothing is asked for a minute.
 *
 * Where libsystemd was not there when agentd was built, services_without_systemd.c stands in and knows no unit. */
#pragma once

#include "agent/services.h"

#define SYSTEMD_ANSWER_LIMIT_MS 200

/* Whether units can be watched: by this build, and with the libraries of this machine. */
bool services_systemd_is_there(void);
/* What systemd says of the unit. `*bus` is NULL before the first call and kept between calls. False when the manager
 * does not answer; the connection is then closed. */
bool services_systemd_look(void **bus, const char *unit, struct service_report *ret);
void services_systemd_done(void **bus);
