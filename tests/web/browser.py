"""Somebody on the loopback who looks for our services by mDNS, as a process of its own: `python -m tests.web.browser`.

It prints a line of JSON for each service that comes or goes.
"""

import json
import sys

from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf

from hawk.web.announcement import KIND


def tell(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
    said = {"name": name, "there": state_change is not ServiceStateChange.Removed}
    info = ServiceInfo(service_type, name)
    if said["there"] and info.load_from_cache(zeroconf):
        said |= {
            "addresses": info.parsed_addresses(),
            "port": info.port,
            "server": info.server,
            "properties": info.decoded_properties,
        }
    print(json.dumps(said), flush=True)


def main() -> None:
    with Zeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only) as zeroconf:
        browser = ServiceBrowser(zeroconf, KIND, handlers=[tell])
        sys.stdin.read()
        browser.cancel()


if __name__ == "__main__":
    main()
