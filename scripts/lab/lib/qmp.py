"""Says one command to a machine's monitor: qmp.py SOCKET WORD..."""
import json
import socket
import sys


def answer(stream, request):
    stream.write(json.dumps(request) + "\n")
    stream.flush()
    # Events come between a command and its answer.
    for line in stream:
        reply = json.loads(line)
        if "return" in reply or "error" in reply:
            return reply
    sys.exit("the machine ended before it answered")


with socket.socket(socket.AF_UNIX) as connection:
    connection.settimeout(300)
    connection.connect(sys.argv[1])
    stream = connection.makefile("rw")
    stream.readline()
    answer(stream, {"execute": "qmp_capabilities"})
    command = {"execute": "human-monitor-command", "arguments": {"command-line": " ".join(sys.argv[2:])}}
    reply = answer(stream, command)
if "error" in reply:
    sys.exit(reply["error"]["desc"])
# The monitor for people tells of an error in words only.
if reply["return"].startswith("Error"):
    sys.exit(reply["return"])
