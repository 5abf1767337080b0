/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_resources.h"

#include "cli/coapd_links.h"

const struct coapd_resources_config coapd_resources_default = {
	.large_size = UINT64_C(256) * 1024,
	.observe_interval = SECONDS(5),
	.separate_delay = SECONDS(1),
};

const char coapd_resources_help[] =
	"Resources (those of the ETSI CoAP plugtests among them)\n"
	"  /test            GET, PUT, DELETE of a value; POST makes /location1/location2/location3\n"
	"  /alternate       the same value by another name\n"
	"  /seg1/seg2/seg3  a value under a path of three segments\n"
	"  /query           GET tells the query\n"
	"  /location-query  POST answers with a Location-Query\n"
	"  /multi-format    GET in text (0) or XML (41)\n"
	"  /validate        a value, for ETag and If-Match\n"
	"  /short-lived     the same with a Max-Age of one second, for caches\n"
	"  /create1         a value that is not there at first, for If-None-Match\n"
	"  /separate        a value that is answered later; /separate/below, /separate/fixed\n"
	"  /link1 /link2 /link3 /path   attributes and sub-resources, for discovery\n"
	"  /large           GET of a long body, made while it is read\n"
	"  /large-update    GET and PUT of a long value\n"
	"  /large-create    POST makes a long value\n"
	"  /large-post      POST of text gives it back in capitals\n"
	"  /obs /obs-non    a number that grows, told confirmably or not\n"
	"  /obs-large /obs-pumping      the same with a long body, always or every other time\n"
	"  /counter         POST adds one, GET tells; groups may do both\n"
	"  /fresh           the same, but POST needs an Echo of the last ten seconds\n"
	"  /echo            FETCH or POST, answered with what was sent\n"
	"  /secure          GET over DTLS only\n";

void coapd_resources_init(struct coapd_resources *r, const struct coapd_resources_config *config)
{
	coapd_basic_init(&r->basic, &r->table);
	coapd_option_cases_init(&r->option_cases, &r->table);
	coapd_links_init(&r->table);
	coapd_large_init(&r->large, config->large_size, &r->table);
	coapd_observe_init(&r->observe, config->observe_interval, &r->table);
	coapd_separate_init(&r->separate, config->separate_delay, &r->table);
}

void coapd_resources_start(struct coapd_resources *r, struct coap_endpoint *endpoint, msec now)
{
	coapd_observe_start(&r->observe, endpoint, now);
	coapd_separate_start(&r->separate, endpoint);
}

msec coapd_resources_deadline(const struct coapd_resources *r)
{
	return msec_earlier(coapd_observe_deadline(&r->observe), coapd_separate_deadline(&r->separate));
}

void coapd_resources_tick(struct coapd_resources *r, msec now)
{
	coapd_observe_tick(&r->observe, now);
	coapd_separate_tick(&r->separate, now);
}
