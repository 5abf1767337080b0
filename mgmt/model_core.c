/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The compiled-in model. A test compares it with the object files in docs/objects, field by field. */
#include "mgmt/model.h"

#define R MODEL_READ
#define W MODEL_WRITE
#define E MODEL_EXECUTE

/* The columns: id, operations, type, is_multiple, is_mandatory, has_range, lowest, highest, name, units. */

static const struct model_resource security[] = {
	{0, 0, VALUE_STRING, false, true, true, 0, 255, "LWM2M Server URI", NULL},
	{1, 0, VALUE_BOOLEAN, false, true, false, 0, 0, "Bootstrap-Server", NULL},
	{2, 0, VALUE_INTEGER, false, true, true, 0, 4, "Security Mode", NULL},
	{3, 0, VALUE_OPAQUE, false, true, false, 0, 0, "Public Key or Identity", NULL},
	{4, 0, VALUE_OPAQUE, false, true, false, 0, 0, "Server Public Key", NULL},
	{5, 0, VALUE_OPAQUE, false, true, false, 0, 0, "Secret Key", NULL},
	{6, 0, VALUE_INTEGER, false, false, true, 0, 255, "SMS Security Mode", NULL},
	{7, 0, VALUE_OPAQUE, false, false, false, 0, 0, "SMS Binding Key Parameters", NULL},
	{8, 0, VALUE_OPAQUE, false, false, false, 0, 0, "SMS Binding Secret Key(s)", NULL},
	{9, 0, VALUE_STRING, false, false, false, 0, 0, "LwM2M Server SMS Number", NULL},
	{10, 0, VALUE_INTEGER, false, false, true, 1, 65534, "Short Server ID", NULL},
	{11, 0, VALUE_INTEGER, false, false, false, 0, 0, "Client Hold Off Time", "s"},
	{12, 0, VALUE_INTEGER, false, false, false, 0, 0, "Bootstrap-Server Account Timeout", "s"},
	{13, 0, VALUE_UNSIGNED, false, false, true, 0, 3, "Matching Type", "s"},
	{14, 0, VALUE_STRING, false, false, false, 0, 0, "SNI", NULL},
	{15, 0, VALUE_UNSIGNED, false, false, true, 0, 3, "Certificate Usage", "s"},
	{16, 0, VALUE_UNSIGNED, true, false, false, 0, 0, "DTLS/TLS Ciphersuite", NULL},
	{17, 0, VALUE_OBJLNK, false, false, false, 0, 0, "OSCORE Security Mode", NULL},
};

static const struct model_resource server[] = {
	{0, R, VALUE_INTEGER, false, true, true, 1, 65534, "Short Server ID", NULL},
	{1, R | W, VALUE_INTEGER, false, true, false, 0, 0, "Lifetime", "s"},
	{2, R | W, VALUE_INTEGER, false, false, false, 0, 0, "Default Minimum Period", "s"},
	{3, R | W, VALUE_INTEGER, false, false, false, 0, 0, "Default Maximum Period", "s"},
	{4, E, VALUE_NONE, false, false, false, 0, 0, "Disable", NULL},
	{5, R | W, VALUE_INTEGER, false, false, false, 0, 0, "Disable Timeout", "s"},
	{6, R | W, VALUE_BOOLEAN, false, true, false, 0, 0, "Notification Storing When Disabled or Offline", NULL},
	{7, R | W, VALUE_STRING, false, true, false, 0, 0, "Binding", NULL},
	{8, E, VALUE_NONE, false, true, false, 0, 0, "Registration Update Trigger", NULL},
	{9, E, VALUE_NONE, false, false, false, 0, 0, "Bootstrap-Request Trigger", NULL},
	{10, R | W, VALUE_OBJLNK, false, false, false, 0, 0, "APN Link", NULL},
	{11, R, VALUE_UNSIGNED, false, false, true, 0, 255, "TLS-DTLS Alert Code", NULL},
	{12, R, VALUE_TIME, false, false, false, 0, 0, "Last Bootstrapped", NULL},
	{13, 0, VALUE_UNSIGNED, false, false, false, 0, 0, "Registration Priority Order", NULL},
	{14, 0, VALUE_UNSIGNED, false, false, false, 0, 0, "Initial Registration Delay Timer", "s"},
	{15, 0, VALUE_BOOLEAN, false, false, false, 0, 0, "Registration Failure Block", NULL},
	{16, 0, VALUE_BOOLEAN, false, false, false, 0, 0, "Bootstrap on Registration Failure", NULL},
	{17, 0, VALUE_UNSIGNED, false, false, false, 0, 0, "Communication Retry Count", NULL},
	{18, 0, VALUE_UNSIGNED, false, false, false, 0, 0, "Communication Retry Timer", "s"},
	{19, 0, VALUE_UNSIGNED, false, false, false, 0, 0, "Communication Sequence Delay Timer", NULL},
	{20, 0, VALUE_UNSIGNED, false, false, false, 0, 0, "Communication Sequence Retry Count", NULL},
	{21, R | W, VALUE_BOOLEAN, false, false, false, 0, 0, "Trigger", NULL},
	{22, R | W, VALUE_STRING, false, false, false, 0, 0, "Preferred Transport", NULL},
	{23, R | W, VALUE_BOOLEAN, false, false, false, 0, 0, "Mute Send", NULL},
};

static const struct model_resource access_control[] = {
	{0, R, VALUE_INTEGER, false, true, true, 1, 65534, "Object ID", NULL},
	{1, R, VALUE_INTEGER, false, true, true, 0, 65535, "Object Instance ID", NULL},
	{2, R | W, VALUE_INTEGER, true, false, false, 0, 0, "ACL", NULL},
	{3, R | W, VALUE_INTEGER, false, true, true, 0, 65535, "Access Control Owner", NULL},
};

static const struct model_resource device[] = {
	{0, R, VALUE_STRING, false, false, false, 0, 0, "Manufacturer", NULL},
	{1, R, VALUE_STRING, false, false, false, 0, 0, "Model Number", NULL},
	{2, R, VALUE_STRING, false, false, false, 0, 0, "Serial Number", NULL},
	{3, R, VALUE_STRING, false, false, false, 0, 0, "Firmware Version", NULL},
	{4, E, VALUE_NONE, false, true, false, 0, 0, "Reboot", NULL},
	{5, E, VALUE_NONE, false, false, false, 0, 0, "Factory Reset", NULL},
	{6, R, VALUE_INTEGER, true, false, true, 0, 7, "Available Power Sources", NULL},
	{7, R, VALUE_INTEGER, true, false, false, 0, 0, "Power Source Voltage", NULL},
	{8, R, VALUE_INTEGER, true, false, false, 0, 0, "Power Source Current", NULL},
	{9, R, VALUE_INTEGER, false, false, true, 0, 100, "Battery Level", "%"},
	{10, R, VALUE_INTEGER, false, false, false, 0, 0, "Memory Free", NULL},
	{11, R, VALUE_INTEGER, true, true, true, 0, 8, "Error Code", NULL},
	{12, E, VALUE_NONE, false, false, false, 0, 0, "Reset Error Code", NULL},
	{13, R | W, VALUE_TIME, false, false, false, 0, 0, "Current Time", NULL},
	{14, R | W, VALUE_STRING, false, false, false, 0, 0, "UTC Offset", NULL},
	{15, R | W, VALUE_STRING, false, false, false, 0, 0, "Timezone", NULL},
	{16, R, VALUE_STRING, false, true, false, 0, 0, "Supported Binding and Modes", NULL},
	{17, R, VALUE_STRING, false, false, false, 0, 0, "Device Type", NULL},
	{18, R, VALUE_STRING, false, false, false, 0, 0, "Hardware Version", NULL},
	{19, R, VALUE_STRING, false, false, false, 0, 0, "Software Version", NULL},
	{20, R, VALUE_INTEGER, false, false, true, 0, 6, "Battery Status", NULL},
	{21, R, VALUE_INTEGER, false, false, false, 0, 0, "Memory Total", NULL},
	{22, R, VALUE_OBJLNK, true, false, false, 0, 0, "ExtDevInfo", NULL},
};

static const struct model_resource connectivity_monitoring[] = {
	{0, R, VALUE_INTEGER, false, true, true, 0, 50, "Network Bearer", NULL},
	{1, R, VALUE_INTEGER, true, true, true, 0, 50, "Available Network Bearer", NULL},
	{2, R, VALUE_INTEGER, false, true, false, 0, 0, "Radio Signal Strength", NULL},
	{3, R, VALUE_INTEGER, false, false, false, 0, 0, "Link Quality", NULL},
	{4, R, VALUE_STRING, true, true, false, 0, 0, "IP Addresses", NULL},
	{5, R, VALUE_STRING, true, false, false, 0, 0, "Router IP Addresses", NULL},
	{6, R, VALUE_INTEGER, false, false, true, 0, 100, "Link Utilization", "%"},
	{7, R, VALUE_STRING, true, false, false, 0, 0, "APN", NULL},
	{8, R, VALUE_INTEGER, false, false, false, 0, 0, "Cell ID", NULL},
	{9, R, VALUE_INTEGER, false, false, true, 0, 999, "SMNC", NULL},
	{10, R, VALUE_INTEGER, false, false, true, 0, 999, "SMCC", NULL},
	{11, R, VALUE_INTEGER, false, false, false, 0, 0, "SignalSNR", "dB"},
	{12, R, VALUE_INTEGER, false, false, false, 0, 0, "LAC", NULL},
};

static const struct model_resource firmware_update[] = {
	{0, W, VALUE_OPAQUE, false, true, false, 0, 0, "Package", NULL},
	{1, R | W, VALUE_STRING, false, true, true, 0, 255, "Package URI", NULL},
	{2, E, VALUE_NONE, false, true, false, 0, 0, "Update", NULL},
	{3, R, VALUE_INTEGER, false, true, true, 0, 3, "State", NULL},
	{5, R, VALUE_INTEGER, false, true, true, 0, 11, "Update Result", NULL},
	{6, R, VALUE_STRING, false, false, true, 0, 255, "PkgName", NULL},
	{7, R, VALUE_STRING, false, false, true, 0, 255, "PkgVersion", NULL},
	{8, R, VALUE_INTEGER, true, false, true, 0, 5, "Firmware Update Protocol Support", NULL},
	{9, R, VALUE_INTEGER, false, true, true, 0, 2, "Firmware Update Delivery Method", NULL},
	{10, E, VALUE_NONE, false, false, false, 0, 0, "Cancel", NULL},
	{11, R | W, VALUE_INTEGER, false, false, true, 0, 2, "Severity", NULL},
	{12, R, VALUE_TIME, false, false, false, 0, 0, "Last State Change Time", NULL},
	{13, R | W, VALUE_UNSIGNED, false, false, false, 0, 0, "Maximum Defer Period", "s"},
};

static const struct model_resource location[] = {
	{0, R, VALUE_FLOAT, false, true, false, 0, 0, "Latitude", "lat"},
	{1, R, VALUE_FLOAT, false, true, false, 0, 0, "Longitude", "lon"},
	{2, R, VALUE_FLOAT, false, false, false, 0, 0, "Altitude", "m"},
	{3, R, VALUE_FLOAT, false, false, false, 0, 0, "Radius", "m"},
	{4, R, VALUE_OPAQUE, false, false, false, 0, 0, "Velocity", NULL},
	{5, R, VALUE_TIME, false, true, false, 0, 0, "Timestamp", NULL},
	{6, R, VALUE_FLOAT, false, false, false, 0, 0, "Speed", "m/s"},
};

static const struct model_resource connectivity_statistics[] = {
	{0, R, VALUE_INTEGER, false, false, false, 0, 0, "SMS Tx Counter", NULL},
	{1, R, VALUE_INTEGER, false, false, false, 0, 0, "SMS Rx Counter", NULL},
	{2, R, VALUE_INTEGER, false, false, false, 0, 0, "Tx Data", NULL},
	{3, R, VALUE_INTEGER, false, false, false, 0, 0, "Rx Data", NULL},
	{4, R, VALUE_INTEGER, false, false, false, 0, 0, "Max Message Size", "B"},
	{5, R, VALUE_INTEGER, false, false, false, 0, 0, "Average Message Size", "B"},
	{6, E, VALUE_NONE, false, true, false, 0, 0, "Start", NULL},
	{7, E, VALUE_NONE, false, true, false, 0, 0, "Stop", NULL},
	{8, R | W, VALUE_INTEGER, false, false, false, 0, 0, "Collection Period", "s"},
};

static const struct model_resource portfolio[] = {
	{0, R | W, VALUE_STRING, true, true, false, 0, 0, "Identity", NULL},
	{1, E, VALUE_NONE, false, false, false, 0, 0, "GetAuthData", NULL},
	{2, R, VALUE_OPAQUE, true, false, false, 0, 0, "AuthData", NULL},
	{3, R, VALUE_INTEGER, false, false, true, 0, 2, "AuthStatus", NULL},
};

static const struct model_resource event_log[] = {
	{4010, R | W, VALUE_INTEGER, false, false, false, 0, 0, "LogClass", NULL},
	{4011, E, VALUE_NONE, false, false, false, 0, 0, "LogStart", NULL},
	{4012, E, VALUE_NONE, false, false, false, 0, 0, "LogStop", NULL},
	{4013, R, VALUE_INTEGER, false, false, false, 0, 0, "LogStatus", NULL},
	{4014, R, VALUE_OPAQUE, false, true, false, 0, 0, "LogData", NULL},
	{4015, R | W, VALUE_INTEGER, false, false, false, 0, 0, "LogDataFormat", NULL},
};

static const struct model_resource fieldfare_host_health[] = {
	{0, R, VALUE_FLOAT, false, false, true, 0, 100, "CPU Load", "%"},
	{1, R, VALUE_FLOAT, false, false, false, 0, 0, "Load Average 1 Minute", NULL},
	{2, R, VALUE_FLOAT, false, false, false, 0, 0, "Load Average 5 Minutes", NULL},
	{3, R, VALUE_FLOAT, false, false, false, 0, 0, "Load Average 15 Minutes", NULL},
	{4, R, VALUE_UNSIGNED, false, true, false, 0, 0, "Memory Total", "KiB"},
	{5, R, VALUE_UNSIGNED, false, true, false, 0, 0, "Memory Available", "KiB"},
	{6, R, VALUE_UNSIGNED, false, false, false, 0, 0, "Disk Total", "KiB"},
	{7, R, VALUE_UNSIGNED, false, false, false, 0, 0, "Disk Free", "KiB"},
	{8, R, VALUE_FLOAT, true, false, false, 0, 0, "Temperature", "Cel"},
	{9, R, VALUE_UNSIGNED, false, true, false, 0, 0, "Uptime", "s"},
	{10, R, VALUE_UNSIGNED, false, false, false, 0, 0, "Processes", NULL},
	{11, R, VALUE_INTEGER, false, false, true, 0, 3, "Payload State", NULL},
	{12, R, VALUE_UNSIGNED, false, false, false, 0, 0, "Payload Restarts", NULL},
	{13, R, VALUE_STRING, false, false, true, 0, 31, "Payload Version", NULL},
	{14, R, VALUE_UNSIGNED, false, false, false, 0, 0, "Network Received", "KiB"},
	{15, R, VALUE_UNSIGNED, false, false, false, 0, 0, "Network Sent", "KiB"},
	{16, R, VALUE_UNSIGNED, false, false, false, 0, 0, "Network Errors", NULL},
};

static const struct model_resource fieldfare_service_health[] = {
	{0, R, VALUE_STRING, false, true, true, 0, 63, "Name", NULL},
	{1, R, VALUE_INTEGER, false, true, true, 0, 4, "State", NULL},
	{2, R, VALUE_INTEGER, false, true, true, 0, 2, "Source", NULL},
	{3, R, VALUE_UNSIGNED, false, false, false, 0, 0, "Restarts", NULL},
	{4, R, VALUE_UNSIGNED, false, false, false, 0, 0, "Memory", "KiB"},
	{5, R, VALUE_UNSIGNED, false, false, false, 0, 0, "CPU Time", "ms"},
	{6, R, VALUE_FLOAT, false, false, false, 0, 0, "CPU Load", "%"},
	{7, R, VALUE_UNSIGNED, false, false, false, 0, 0, "Main Process", NULL},
	{8, R, VALUE_INTEGER, false, false, false, 0, 0, "Last Exit Status", NULL},
	{9, R, VALUE_TIME, false, false, false, 0, 0, "Last Exit Time", NULL},
};

static const struct model_resource fieldfare_credential[] = {
	{0, R, VALUE_INTEGER, false, true, true, 0, 2, "Kind", NULL},
	{1, R, VALUE_TIME, false, false, false, 0, 0, "Since", NULL},
	{2, R, VALUE_TIME, false, false, false, 0, 0, "Valid Until", NULL},
	{3, E, VALUE_NONE, false, true, false, 0, 0, "Renew", NULL},
};

#define OBJECT(id, name, version, is_multiple, is_mandatory, resources)                     \
	{                                                                                   \
		(id), (name), (version), (is_multiple), (is_mandatory),                     \
			(uint16_t)(sizeof(resources) / sizeof((resources)[0])), (resources) \
	}

static const struct model_object objects[] = {
	OBJECT(0, "LWM2M Security", "1.1", true, true, security),
	OBJECT(1, "LwM2M Server", "1.1", true, true, server),
	OBJECT(2, "LwM2M Access Control", "1.0", true, false, access_control),
	OBJECT(3, "Device", "1.1", false, true, device),
	OBJECT(4, "Connectivity Monitoring", "1.2", false, false, connectivity_monitoring),
	OBJECT(5, "Firmware Update", "1.1", false, false, firmware_update),
	OBJECT(6, "Location", "1.0", false, false, location),
	OBJECT(7, "Connectivity Statistics", "1.0", false, false, connectivity_statistics),
	OBJECT(16, "Portfolio", "1.0", true, false, portfolio),
	OBJECT(20, "Event Log", "1.0", false, false, event_log),
	OBJECT(26250, "Fieldfare Host Health", "1.0", false, false, fieldfare_host_health),
	OBJECT(26251, "Fieldfare Service Health", "1.0", true, false, fieldfare_service_health),
	OBJECT(26252, "Fieldfare Credential", "1.0", false, false, fieldfare_credential),
};

const struct model model_core = {.object_count = sizeof objects / sizeof objects[0], .objects = objects};
