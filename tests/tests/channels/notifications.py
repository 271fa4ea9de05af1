"""A notification service on the session bus, as of the Desktop Notifications Specification: says when it is there, then prints
each notification as a line of JSON. The argument is the bus, `markup` behind it adds that capability."""

import json
import sys

from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_call, new_method_return
from jeepney.io.blocking import open_dbus_connection

NAME = "org.freedesktop.Notifications"
BUS = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
KEYS = ["app", "replaces", "icon", "summary", "body", "actions", "hints", "timeout"]

connection = open_dbus_connection(sys.argv[1])
# 4: do not wait for it where somebody else has it.
(taken,) = connection.send_and_get_reply(new_method_call(BUS, "RequestName", "su", (NAME, 4))).body
assert taken == 1, taken
print("ready", flush=True)

while True:
    message = connection.receive()
    if message.header.message_type != MessageType.method_call:
        continue
    fields = message.header.fields
    member = fields[HeaderFields.member]
    asked = (fields[HeaderFields.path], fields.get(HeaderFields.interface), fields.get(HeaderFields.signature, ""))
    if (member, *asked) == ("GetCapabilities", "/org/freedesktop/Notifications", NAME, ""):
        answer = new_method_return(message, "as", (["body"] + ["body-markup"] * ("markup" in sys.argv),))
    elif (member, *asked) == ("Notify", "/org/freedesktop/Notifications", NAME, "susssasa{sv}i"):
        seen = dict(zip(KEYS, message.body))
        seen["hints"] = {name: list(value) for name, value in seen["hints"].items()}
        print(json.dumps(seen), flush=True)
        answer = new_method_return(message, "u", (1,))
    else:
        answer = new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", "s", (f"{member} {asked}",))
    connection.send(answer)
