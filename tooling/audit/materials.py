"""The bill of materials of what we install: CycloneDX 1.6, as JSON, by the library of its makers."""

from collections.abc import Iterable, Mapping, Sequence

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from tooling.audit.packages import Package
from tooling.setup.project import Project

SCHEMA = SchemaVersion.V1_6
# What packages call licences that have an SPDX name, where only one can be meant.
SPDX: Mapping[str, str] = {
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "MIT License": "MIT",
    "ISC License": "ISC",
    "ISC license": "ISC",
    "ISC License (ISCL)": "ISC",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
# A lock says what is installed, not what asked for it: everything hangs on the project itself.
ENVIRONMENT = "yap:environment"


def bill(project: Project, packages: Sequence[Package]) -> str:
    """The document. A package says by the property `yap:environment` which environments hold it."""
    about = project.table()["project"]
    root = Component(
        name=about["name"],
        version=about["version"],
        type=ComponentType.APPLICATION,
        bom_ref="project",
        description=about["description"],
        licenses=[LicenseFactory().make_from_string(about["license"])],
    )
    components = [_component(package) for package in packages]
    bom = Bom(components=components)
    bom.metadata.component = root
    bom.metadata.tools.components.add(this_component())
    bom.register_dependency(root, components)
    return make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=1) + "\n"


def licence_names(packages: Iterable[Package]) -> dict[str, int]:
    """How many packages are under which licence, by SPDX where it has that; under "" those that say nothing."""
    counts: dict[str, int] = {}
    for package in packages:
        name = SPDX.get(package.licence, package.licence)
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _component(package: Package) -> Component:
    url = PackageURL("pypi", name=package.name, version=package.version)
    licence = SPDX.get(package.licence, package.licence)
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=url.to_string(),
        purl=url,
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        properties=[Property(name=ENVIRONMENT, value=each) for each in package.environments],
    )


__all__ = ["ENVIRONMENT", "SCHEMA", "bill", "licence_names"]
