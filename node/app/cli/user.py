"""`landfall user ...`: people of an institution, for whoever may write its database."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.app.cli.output import print_json, print_line
from node.app.cli.trade import DEFAULT_HOME, AsJson, HomeOption

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from node.app.people import Office
    from node.identity.store import PersonRow

app = typer.Typer(
    help="People of an institution: invite the first administrator, lock out, let in again.", no_args_is_help=True
)

InstitutionOption = Annotated[str, typer.Option("--institution", help="Whose people")]
PersonId = Annotated[str, typer.Argument(metavar="ID", help="The person's id: landfall user list")]


class Role(StrEnum):
    """What somebody may be; exporter and importer are a customer's people."""

    OPERATOR = "operator"
    BANK_MAKER = "bank_maker"
    BANK_CHECKER = "bank_checker"
    TREASURER = "treasurer"
    COMPLIANCE = "compliance"
    REGULATOR = "regulator"
    EXPORTER = "exporter"
    IMPORTER = "importer"


@app.command()
def invite(
    email: Annotated[str, typer.Argument(help="E-mail address to sign in with")],
    institution: InstitutionOption,
    name: Annotated[str, typer.Option(help="As others read it")],
    role: Annotated[list[Role], typer.Option(help="What they are; may be given several times")],
    customer: Annotated[str | None, typer.Option(help="The customer whose business they do")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make an account and print its one-time link, with which the person chooses how to sign in."""
    from node.identity.people import Newcomer
    from node.web import permissions

    roles = frozenset(permissions.Role(one.value) for one in role)
    with _office(home, institution) as office:
        person, link = office.invite(Newcomer(email, name, roles, customer))
    _print_link(person, link, as_json)


@app.command("list")
def list_people(institution: InstitutionOption, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """List the institution's people and those of its customers."""
    from node.identity.store import PersonRow

    with _office(home, institution) as office, office.database.read() as session:
        people = [_shown(row) for row in session.scalars(office.identity.people.everybody(None).order_by(PersonRow.id))]
    if as_json:
        print_json(people)
        return
    for one in people:
        whose = one["customer"] or institution
        print_line(f"{one['id']}  {one['state']:<8}  {whose:<12}  {', '.join(one['roles'])}  {one['email'] or ''}")


@app.command()
def disable(person: PersonId, institution: InstitutionOption, home: HomeOption = DEFAULT_HOME) -> None:
    """Lock somebody out: their sessions, links and proposals end."""
    with _office(home, institution) as office:
        row = office.disable(person)
    print_line(f"{row.id} is disabled; landfall user reset lets them begin again")


@app.command()
def reset(
    person: PersonId, institution: InstitutionOption, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """Take away how somebody signs in, and print a new one-time link for them."""
    with _office(home, institution) as office:
        row, link = office.reset(person)
    _print_link(row, link, as_json)


def _office(home: Path, institution: str) -> "AbstractContextManager[Office]":
    from node.app.home import Home
    from node.app.people import open_office
    from node.app.settings import load_settings

    return open_office(Home(home, load_settings().databases), institution)


def _print_link(row: "PersonRow", link: str, as_json: bool) -> None:
    if as_json:
        print_json(_shown(row) | {"link": link})
        return
    print_line(f"{row.id} is invited as {', '.join(row.roles)}; the link works once, within three days:")
    print_line(link)


def _shown(row: "PersonRow") -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("id", "email", "name", "customer", "roles", "state")}
