#!/usr/bin/env python3
"""Opens verify.html in Debian's Chromium, without a window and without a network, and lets it judge kits.

  kit_page.py batch PAGE DIR             one JSON line for each kit in DIR, as verify_kit.py --batch writes
  kit_page.py show PAGE KIT OUTPUT.png [dark|light] [WIDTH]
                                         the page with that kit chosen by hand: a screenshot, and what it says as text
  kit_page.py axe PAGE KIT               what axe-core finds against the page, empty and with that kit judged, light and dark, wide and
                                         narrow; it runs in the Python of scripts/lab/python, which has axe-core

It speaks Chromium's own protocol over a pipe, so that Python needs no package for it.
"""
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

BATCH = 200


class Browser:
    def __init__(self):
        program = shutil.which("chromium")
        if program is None:
            sys.exit("kit_page.py: there is no chromium; scripts/setup installs it")
        self.home = tempfile.mkdtemp()
        there, self.into = os.pipe()
        self.out, back = os.pipe()
        command = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
            "--disable-background-networking", "--disable-component-update", "--no-first-run", f"--user-data-dir={self.home}", "about:blank"]

        def hand_over():
            # The protocol's pipe is 3 and 4; first out of the way, in case one of ours has such a number.
            one, two = os.dup(there), os.dup(back)
            os.dup2(one, 3)
            os.dup2(two, 4)

        self.process = subprocess.Popen(
            command, close_fds=False, preexec_fn=hand_over, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(there)
        os.close(back)
        self.rest, self.number, self.events = b"", 0, []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def receive(self):
        while b"\0" not in self.rest:
            data = os.read(self.out, 1 << 20)
            if not data:
                sys.exit("kit_page.py: chromium has ended")
            self.rest += data
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if hasattr(self, "session"):
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.into, data):]
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"kit_page.py: {method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def evaluate(self, expression, by_value=True):
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=by_value)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            sys.exit("kit_page.py: " + details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value") if by_value else answer["result"]["objectId"]

    def open(self, page):
        self.call("Page.navigate", url="file://" + os.path.abspath(page))
        while self.evaluate("document.readyState") != "complete" or self.evaluate("typeof verifyKit") != "function":
            time.sleep(0.05)

    def complaints(self):
        """What the page tried that it must not, and what went wrong in it."""
        found = []
        for event in self.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(parameters["exceptionDetails"].get("exception", {}).get("description", "an exception"))
            elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                found.append(parameters["entry"]["text"])
            elif method == "Network.requestWillBeSent" and not parameters["request"]["url"].startswith("file:"):
                found.append("a request to " + parameters["request"]["url"])
        return found

    def close(self):
        self.call("Browser.close")
        self.process.wait(20)
        shutil.rmtree(self.home, ignore_errors=True)


def batch(browser, directory):
    chooser = browser.evaluate("globalThis.chooser = Object.assign(document.createElement('input'), {type: 'file', multiple: true})", False)
    names = sorted(os.listdir(directory))
    for start in range(0, len(names), BATCH):
        files = [os.path.abspath(os.path.join(directory, name)) for name in names[start:start + BATCH]]
        browser.call("DOM.setFileInputFiles", files=files, objectId=chooser)
        found = browser.evaluate("""(async () => {
            const found = []
            for (const file of chooser.files) {
                const report = await verifyKit(file)
                found.push({kit: file.name, exit: report.exit, findings: report.findings.slice(0, 1000)})
            }
            return found
        })()""")
        for report in found:
            print(json.dumps(report))


def choose(browser, kit):
    browser.call("DOM.setFileInputFiles", files=[os.path.abspath(kit)], objectId=browser.evaluate("document.querySelector('#kit')", False))
    while browser.evaluate("document.querySelector('#result').hidden"):
        time.sleep(0.05)


def axe(browser, page, kit):
    """One JSON line for each state of the page: how many rules it was held against, and which it breaks, with the first elements."""
    package = importlib.util.find_spec("axe_playwright_python")
    if package is None:
        sys.exit("kit_page.py: there is no axe-core; run this by scripts/lab/python")
    with open(os.path.join(package.submodule_search_locations[0], "axe.min.js"), encoding="utf-8") as file:
        script = file.read()
    is_clean = True
    for is_judged in (False, True):
        for scheme in ("light", "dark"):
            for width in (1200, 390):
                browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
                browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
                # A fresh page each time: axe-core looks at what is there, and colours may be on their way from one to the other.
                browser.open(page)
                if is_judged:
                    choose(browser, kit)
                    # What is folded away is part of the page.
                    browser.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
                browser.evaluate(script + "; 0")
                found = browser.evaluate("""axe.run(document, {resultTypes: ['violations']}).then(found => ({
                    rules: found.passes.length + found.violations.length,
                    violations: found.violations.map(v => ({
                        rule: v.id, impact: v.impact, count: v.nodes.length, first: v.nodes[0].html, why: v.nodes[0].failureSummary})),
                    unsure: found.incomplete.map(v => v.id)}))""")
                is_clean = is_clean and not found["violations"]
                print(json.dumps({"judged": is_judged, "scheme": scheme, "width": width, **found}))
    return is_clean


def main():
    what, page, path = sys.argv[1:4]
    browser = Browser()
    browser.open(page)
    is_clean = True
    if what == "batch":
        batch(browser, path)
    elif what == "show":
        scheme, width = (sys.argv[5:] + ["light"])[0], int((sys.argv[6:] + [1200])[0])
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        if os.path.exists(path):
            choose(browser, path)
        height = browser.evaluate("document.documentElement.scrollHeight")
        browser.call("Emulation.setDeviceMetricsOverride", width=width, height=min(height, 8_000), deviceScaleFactor=1, mobile=False)
        import base64
        with open(sys.argv[4], "wb") as file:
            file.write(base64.b64decode(browser.call("Page.captureScreenshot", format="png")["data"]))
        print(browser.evaluate("document.body.innerText"))
        if browser.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            browser.events.append({"method": "Log.entryAdded", "params": {"entry": {"level": "error", "text": "it scrolls sideways"}}})
    elif what == "axe":
        is_clean = axe(browser, page, path)
    complaints = browser.complaints()
    browser.close()
    for line in complaints:
        print(line, file=sys.stderr)
    sys.exit(1 if complaints or not is_clean else 0)


if __name__ == "__main__":
    main()
