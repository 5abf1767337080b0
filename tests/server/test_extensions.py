#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""mgmtd, agentd and mgmtctl as processes: objects that come and go with two files in a folder of a running agent, and
programs behind them that crash, hang and talk nonsense."""
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from test_operations import MGMTCTL, OBJECTS, Stage

EXAMPLES, TANK = map(pathlib.Path, sys.argv[5:7])
DEFINITION = """<LWM2M><Object ObjectType="MODefinition"><Name>{name}</Name><ObjectID>{number}</ObjectID>
<ObjectVersion>1.0</ObjectVersion><MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory><Resources>
<Item ID="0"><Name>Value</Name><Operations>RW</Operations><MultipleInstances>Single</MultipleInstances>
<Mandatory>Optional</Mandatory><Type>Integer</Type></Item></Resources></Object></LWM2M>
"""


class ExtendedStage(Stage):
    """With folders of its own for definitions and extensions, both empty of what is not there usually."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.definitions, self.extensions = folder / "definitions", folder / "extensions"
        shutil.copytree(OBJECTS, self.definitions)
        self.extensions.mkdir(mode=0o755)
        user = "user = nobody\n" if os.geteuid() == 0 else ""
        super().__init__(folder, self.definitions,
                         f"[extensions]\ndirectory = {self.extensions}\npatience = 1\n{user}")

    def agent_log(self):
        return (self.folder / "agentd.log").read_text()

    def drop(self, name, number, program):
        """A definition and a shell script behind it."""
        (self.extensions / f"{name}.xml").write_text(DEFINITION.format(name=name.capitalize(), number=number))
        path = self.extensions / f"{name}.new"
        path.write_text("#!/bin/sh\n" + program)
        path.chmod(0o755)
        path.rename(self.extensions / name)

    def until(self, what, seconds=10):
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, f"never came true\n{self.agent_log()}\n{self.log()}"
            time.sleep(0.05)

    def until_logged(self, text, times=1, seconds=10):
        self.until(lambda: self.agent_log().count(text) >= times, seconds)

    def device(self):
        return json.loads(self.expect(0, "device", "show", "pump-1", "--json"))

    def objects(self):
        """Those that are registered."""
        return {entry["object"] for entry in self.device()["objects"]}

    def said(self, *words):
        return "".join(self.ask(*words)[1:])

    def reads(self, path):
        return self.ask("read", "pump-1", path)[0] == 0


ANSWER = """while read -r line; do
	id=${line#*'"id":'} id=${id%%,*}
"""


def two_files_in_a_running_agents_folder_are_an_object(stage):
    registered = stage.agent_log().count("event=registered")
    assert "4.04 Not Found" in stage.expect(5, "read", "pump-1", "/26300/0")
    assert "a name that nobody knows" in stage.expect(1, "read", "pump-1", "/room-thermostat/0/temperature")
    (stage.extensions / "room-thermostat.sensor").write_text("19500\n")
    for name in "room-thermostat.xml", "room-thermostat":
        shutil.copy(EXAMPLES / name, stage.extensions)
    shutil.copy(EXAMPLES / "room-thermostat.xml", stage.definitions)
    stage.until(lambda: stage.reads("/room-thermostat/0/temperature"))
    assert stage.value("/room-thermostat/0/temperature")["value"] == 19.5
    whole = stage.expect(0, "read", "pump-1", "/room-thermostat/0")
    assert "room-thermostat/0/room" in whole and "Living room" in whole and "Cel" in whole, whole
    assert 26300 in stage.objects()
    assert stage.agent_log().count("event=registered") == registered == 1  # by an Update


def its_resources_are_read_written_and_executed_by_name(stage):
    stage.expect(0, "write", "pump-1", "/room-thermostat/0/set-point=25")
    assert stage.value("/26300/0/2")["value"] == 25
    assert stage.value("/26300/0/heating")["value"] is True
    assert "out of its range" in stage.expect(1, "write", "pump-1", "/26300/0/2=40")
    assert "cannot be written" in stage.expect(1, "write", "pump-1", "/26300/0/heating=true")
    stage.expect(0, "write", "pump-1", "/26300/0/room=Küche \"unten\"")
    assert stage.value("/room-thermostat/0/room")["value"] == "Küche \"unten\""
    stage.expect(0, "execute", "pump-1", "/room-thermostat/0/reset")
    assert stage.value("/26300/0/2")["value"] == 20
    links = stage.expect(0, "discover", "pump-1", "/room-thermostat")
    assert "/26300/0/4" in links and "ver=1.0" in links, links
    both = stage.expect(0, "read", "pump-1", "/26300/0/temperature", "/3/0/manufacturer")
    assert "/26300/0/1" in both and "/3/0/0" in both, both
    refused = stage.expect(1, "write", "pump-1", "--to", "/26300/0", "room=hall", "set-point=21")
    assert "4.05" in refused and "one resource at a time" in refused, refused


def what_it_tells_by_itself_reaches_those_who_observe(stage):
    one = json.loads(stage.expect(0, "observe", "pump-1", "/26300/0/temperature", "--json"))
    assert one["values"][0]["value"] == 19.5, one
    watch = subprocess.Popen([MGMTCTL, "values", "watch", "pump-1", "--count", "1", "--json"], text=True,
                             stdout=subprocess.PIPE, env=stage.environment())
    time.sleep(0.5)
    (stage.extensions / "room-thermostat.sensor").write_text("20250\n")
    report = json.loads(watch.communicate(timeout=60)[0])
    assert report["observation"]["values"][0]["value"] == 20.25, report
    stage.expect(0, "observation", "end", "pump-1", str(one["id"]))


def one_that_hangs_is_5_04_and_holds_up_nobody(stage):
    stage.drop("hanging", 26310, "exec sleep 1000\n")
    stage.until_logged("extension_started name=hanging")
    waiting = [subprocess.Popen([MGMTCTL, "read", "pump-1", "/26310/0/0"], stdout=subprocess.PIPE, text=True,
                                stderr=subprocess.STDOUT, env=stage.environment()) for _ in range(3)]
    assert stage.value("/26300/0/set-point")["value"] == 20
    for one in waiting:
        assert "5.04 Gateway Timeout: the extension has not answered in time" in one.communicate(timeout=20)[0]
    stage.until_logged('extension_stopped name=hanging reason="it does not answer"')
    # Of a composite what has answered is told.
    both = stage.expect(0, "read", "pump-1", "/26310/0/0", "/26300/0/2")
    assert "/26300/0/2" in both and "/26310/0/0" not in both, both


def one_that_crashes_is_5_03_and_is_started_again(stage):
    stage.drop("crashing", 26311, ANSWER + "\tkill -SEGV $$\ndone\n")
    stage.until_logged("extension_started name=crashing")
    stage.until(lambda: "5.03" in stage.said("read", "pump-1", "/26311/0/0"))
    stage.until_logged('extension_ended name=crashing reason="killed by signal 11"')
    stage.until_logged("extension_started name=crashing", 2)
    assert stage.value("/26300/0/set-point")["value"] == 20


def one_that_talks_without_sense_or_end_is_stopped(stage):
    stage.drop("babbling", 26312, "exec yes hello\n")
    stage.drop("endless", 26313, "exec tr '\\0' x </dev/zero\n")
    stage.drop("flooding", 26314, "exec yes '{\"notify\":[]}'\n")
    for name in "babbling", "endless", "flooding":
        stage.until_logged(f"extension_stopped name={name} reason=\"it says what cannot be used, or too much\"")
        assert "5.03" in stage.expect(1, "read", "pump-1", f"/{26312 + ['babbling', 'endless', 'flooding'].index(name)}/0")
    assert stage.value("/26300/0/set-point")["value"] == 20


def what_others_could_change_is_refused(stage):
    stage.drop("open", 26315, ANSWER + "\techo \"{\\\"id\\\":$id,\\\"value\\\":1}\"\ndone\n")
    stage.until(lambda: stage.reads("/26315/0/0"))
    (stage.extensions / "open").chmod(0o777)
    stage.until_logged('extension_refused name=open reason="the program can be written by others"')
    stage.until(lambda: not stage.reads("/26315/0/0"))
    (stage.extensions / "open").chmod(0o755)
    stage.until(lambda: stage.reads("/26315/0/0"))
    stage.extensions.chmod(0o777)
    os.kill(stage.processes[1].pid, signal.SIGHUP)
    stage.until_logged("extensions_refused")
    stage.until(lambda: not stage.reads("/26300/0"))
    stage.extensions.chmod(0o755)
    os.kill(stage.processes[1].pid, signal.SIGHUP)
    stage.until(lambda: stage.reads("/26300/0"))


def an_object_of_the_agents_is_not_anothers(stage):
    stage.drop("thief", 3, "exec cat\n")
    stage.until_logged('extension_refused name=thief reason="it defines an object that is somebody else\'s"')
    assert "/3/0/0" in stage.expect(0, "read", "pump-1", "/3/0/0")


def tanks_are_read_changed_created_and_deleted(stage):
    stage.until(lambda: stage.reads("/tank/0/level"))
    assert stage.value("/tank/0/level")["value"] == 250
    stage.expect(0, "write", "pump-1", "/tank/0/capacity=200")
    assert stage.value("/26301/0/0")["value"] == 200
    stage.expect(0, "create", "pump-1", "/26301", "/26301/3/capacity=70")
    stage.until(lambda: {"object": 26301, "instance": 3} in stage.device()["objects"])
    stage.expect(0, "execute", "pump-1", "/tank/3/fill")
    assert stage.value("/tank/3/level")["value"] == 70
    whole = stage.expect(0, "read", "pump-1", "/tank")
    assert "/26301/0/1" in whole and "/26301/3/0" in whole, whole
    assert "4.05" in stage.expect(1, "create", "pump-1", "/26301", "/26301/9/capacity=70")
    stage.expect(0, "delete", "pump-1", "/26301/3")
    assert "4.04" in stage.expect(5, "read", "pump-1", "/26301/3")
    stage.until(lambda: {"object": 26301, "instance": 3} not in stage.device()["objects"])


def the_example_in_c_serves_several_instances(stage):
    shutil.copy(EXAMPLES / "tank.xml", stage.definitions)
    shutil.copy(EXAMPLES / "tank.xml", stage.extensions)
    shutil.copy(TANK, stage.extensions / "tank")
    tanks_are_read_changed_created_and_deleted(stage)
    (stage.extensions / "tank").unlink()
    stage.until(lambda: 26301 not in stage.objects())


def a_service_that_runs_anyway_is_reached_by_its_socket(stage):
    path = stage.extensions / "tank.socket"
    service = subprocess.Popen([TANK, "--socket", path])
    tanks_are_read_changed_created_and_deleted(stage)
    service.kill()
    service.wait()
    stage.until(lambda: "5.03" in stage.said("read", "pump-1", "/tank/0/level"))
    stage.until_logged('extension_ended name=tank reason="it has closed the connection"')
    service = subprocess.Popen([TANK, "--socket", path])
    stage.until(lambda: stage.reads("/tank/0/level"))
    service.kill()
    service.wait()


def an_object_goes_with_its_files(stage):
    program = subprocess.run(["pgrep", "-P", str(stage.processes[1].pid), "-f", "room-thermostat"], check=True,
                             capture_output=True, text=True).stdout.split()[0]
    status = pathlib.Path(f"/proc/{program}/status").read_text()
    assert "NoNewPrivs:\t1" in status, status
    if os.geteuid() == 0:
        assert f"Uid:\t{pwd.getpwnam('nobody').pw_uid}\t" in status, status
    (stage.extensions / "room-thermostat.xml").unlink()
    stage.until(lambda: "4.04" in stage.said("read", "pump-1", "/26300/0"))
    stage.until(lambda: not pathlib.Path(f"/proc/{program}").exists())
    stage.until(lambda: 26300 not in stage.objects())
    (stage.definitions / "room-thermostat.xml").unlink()
    stage.until(lambda: "a name that nobody knows" in stage.said("read", "pump-1", "/room-thermostat/0"))


def a_broken_definition_takes_no_others_names(stage):
    (stage.definitions / "tank.xml").write_text("<LWM2M><Object>")
    stage.until(lambda: "event=definition-left-out" in stage.log())
    stage.until(lambda: "a name that nobody knows" in stage.said("read", "pump-1", "/tank/0/level"))
    assert stage.value("/firmware-update/0/state")["value"] == 0
    (stage.definitions / "tank.xml").unlink()


def they_end_with_the_agent(stage):
    agent = stage.processes[1]
    children = subprocess.run(["pgrep", "-P", str(agent.pid)], capture_output=True, text=True).stdout.split()
    assert children
    agent.terminate()
    agent.wait(timeout=20)
    stage.until(lambda: not any(pathlib.Path(f"/proc/{child}").exists() for child in children))


def main():
    stories = [two_files_in_a_running_agents_folder_are_an_object, its_resources_are_read_written_and_executed_by_name,
               what_it_tells_by_itself_reaches_those_who_observe, one_that_hangs_is_5_04_and_holds_up_nobody,
               one_that_crashes_is_5_03_and_is_started_again, one_that_talks_without_sense_or_end_is_stopped,
               what_others_could_change_is_refused, an_object_of_the_agents_is_not_anothers,
               the_example_in_c_serves_several_instances, a_service_that_runs_anyway_is_reached_by_its_socket,
               an_object_goes_with_its_files, a_broken_definition_takes_no_others_names, they_end_with_the_agent]
    with tempfile.TemporaryDirectory() as folder:
        stage = ExtendedStage(folder)
        try:
            for story in stories:
                story(stage)
                print("ok", story.__name__, flush=True)
        finally:
            stage.close()


if __name__ == "__main__":
    main()
