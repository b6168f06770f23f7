"""`landfall init ...`: how a network begins. Each bank makes its keys, files are merged, everybody checks one hash."""

import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.app.cli.network import EngineChoice, EnginesOption, KeyChoice, LiboqsOption, algorithm_of
from node.app.cli.output import print_json, print_line
from node.app.cli.start import DEFAULT_HOME, ValidatorHomeOption

if TYPE_CHECKING:
    from node.app.validator.home import NodeSettings

app = typer.Typer(
    help="Begin a network: make keys, merge the members' files, check one hash, prepare a home.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document for machines")]
GenesisFile = Annotated[Path, typer.Argument(metavar="GENESIS", help="The merged file", exists=True, dir_okay=False)]
RpcHost = Annotated[str, typer.Option(help="Address of the Ethereum JSON-RPC port")]
RpcPort = Annotated[int, typer.Option(help="Ethereum JSON-RPC port", min=1, max=65_535)]
P2pPort = Annotated[int, typer.Option(help="Port for the other validators", min=1, max=65_535)]
Peers = Annotated[list[str] | None, typer.Option("--peer", help="ID@HOST:PORT of another validator (repeatable)")]


class MemberRole(StrEnum):
    """What an institution may do; a validator is one by its key."""

    CENTRAL_BANK = "central_bank"
    BANK = "bank"
    FX_PROVIDER = "fx_provider"
    ATTESTER = "attester"
    ARBITER = "arbiter"
    REPORTER = "reporter"
    REGULATOR = "regulator"


@app.command()
def bank(
    member_id: Annotated[str, typer.Argument(metavar="ID", help="Short name in the network: a-z, 0-9 and -")],
    name: Annotated[str, typer.Option(help="The institution's name")],
    lei: Annotated[str, typer.Option(help="Its LEI (ISO 17442)")],
    bic: Annotated[str, typer.Option(help="Its BIC (ISO 9362), where it has one")] = "",
    role: Annotated[list[MemberRole] | None, typer.Option(help="What it may do (repeatable; default: bank)")] = None,
    issues: Annotated[list[str] | None, typer.Option(help="A currency that it issues (repeatable)")] = None,
    address: Annotated[str, typer.Option(help="HOST:PORT under which the others reach its validator")] = "",
    keys: Annotated[KeyChoice, typer.Option(help="What its validator votes with")] = KeyChoice.ML_DSA_65,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(envvar="LANDFALL_PASSPHRASE_FILE", help="File with the keystore's passphrase (default: ask)"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write (default: ID.member.json)")] = None,
    home: ValidatorHomeOption = DEFAULT_HOME,
) -> None:
    """Make the bank's keys in --home, unless they are there, and a public file to give to the others."""
    from node.app.cli.passphrase import new_passphrase_for, passphrase_of
    from node.app.validator.enrolment import Bank, enrol
    from node.app.validator.home import ValidatorHome

    place = ValidatorHome(home.absolute())
    ask = passphrase_of if place.keystore.exists() else new_passphrase_for
    told = Bank(
        id=member_id,
        name=name,
        lei=lei,
        bic=bic,
        roles=tuple(one.value for one in role or [MemberRole.BANK]),
        currencies=tuple(issues or ()),
        address=address,
    )
    written = out or Path(f"{member_id}.member.json")
    written.write_bytes(enrol(place, told, algorithm_of(keys), ask(str(place.keystore), passphrase_file)))
    print_line(f"keys in {home}: validator_key.json (votes) and keystore.json (account, messages); back both up")
    print_line(f"{written} is public; give it to whoever merges: landfall init merge")


@app.command()
def merge(
    members: Annotated[
        list[Path], typer.Argument(metavar="MEMBER...", help="Every member's file", exists=True, dir_okay=False)
    ],
    network: Annotated[str, typer.Option(help="The network's name, 1 to 50 characters")],
    chain_id: Annotated[int, typer.Option(help="Its Ethereum chain id", min=1, max=(1 << 53) - 1)],
    begins: Annotated[
        datetime | None, typer.Option(help="The first second, UTC; the same for all who merge (default: now)")
    ] = None,
    out: Annotated[Path, typer.Option(help="File to write")] = Path("genesis.json"),
    as_json: AsJson = False,
) -> None:
    """Merge the members' files into a genesis; their order makes no difference."""
    import json

    from node.app.validator.ceremony import NetworkPlan, merge_members
    from node.app.validator.members import read_member

    genesis_time_s = int(time.time()) if begins is None else int(begins.replace(tzinfo=UTC).timestamp())
    plan = NetworkPlan(network=network, chain_id=chain_id, genesis_time_s=genesis_time_s)
    document = merge_members([read_member(path) for path in members], plan)
    out.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")
    _show(document, as_json)
    if not as_json:
        print_line(f"genesis written to {out}; everybody runs: landfall init check {out.name}")


@app.command()
def check(
    genesis: GenesisFile,
    members: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[MEMBER...]", help="Every member's file: merge them again, and compare"),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Another's genesis file: say what differs", exists=True, dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a genesis and show its hash, which all members compare aloud before they start."""
    from node.app.errors import CeremonyError
    from node.app.validator.ceremony import check_genesis, merge_again
    from node.app.validator.differences import first_difference
    from node.app.validator.home import read_genesis_file
    from node.app.validator.members import read_member

    document = read_genesis_file(genesis)
    check_genesis(document)
    others = {str(against): read_genesis_file(against)} if against else {}
    if members:
        others["the members' files"] = merge_again([read_member(path) for path in members], document)
    for name, other in others.items():
        difference = first_difference(other, document)
        if difference is not None:
            raise CeremonyError(f"{genesis}: not the genesis of {name}: {difference}")
    _show(document, as_json)
    if not as_json:
        for name in others:
            print_line(f"the same as of {name}")


@app.command()
def use(
    genesis: GenesisFile,
    home: ValidatorHomeOption = DEFAULT_HOME,
    engine: Annotated[EngineChoice, typer.Option(help="What executes blocks: geth or pyevm")] = EngineChoice.GETH,
    rpc_host: RpcHost = "127.0.0.1",
    rpc_port: RpcPort = 8545,
    p2p_port: P2pPort = 26_656,
    peer: Peers = None,
    engines: EnginesOption = None,
    liboqs: LiboqsOption = None,
) -> None:
    """Prepare --home, which has the bank's keys, for the network of a genesis; afterwards: landfall start."""
    from node.app.validator.ceremony import member_name_of, peers_of
    from node.app.validator.home import ValidatorHome, read_genesis_file
    from node.app.validator.preparing import prepare_home

    document = read_genesis_file(genesis)
    place = ValidatorHome(home.absolute())
    name = member_name_of(place, document)
    settings = node_settings(
        name=name,
        engine=engine.value,
        rpc_host=rpc_host,
        rpc_port=rpc_port,
        p2p_port=p2p_port,
        peers=tuple(peer) if peer else peers_of(document, name),
        engines=engines and engines.absolute(),
        liboqs=liboqs and liboqs.absolute(),
    )
    prepare_home(place, document, settings)
    print_line(f"{home} is ready as {name}: {len(settings.peers)} peers, settings in node.toml; next: landfall start")


def node_settings(**fields: Any) -> "NodeSettings":
    """Return the settings made of options.

    Raises:
        HomeError: names the option that is malformed.
    """
    from pydantic import ValidationError

    from node.app.errors import HomeError
    from node.app.validator.home import NodeSettings

    try:
        return NodeSettings(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise HomeError(f"{place}: {first['msg']}, got {str(first['input'])[:100]!r}") from error


def _show(document: dict[str, Any], as_json: bool) -> None:
    from node.app.validator.ceremony import check_genesis, verifier_hash

    fingerprint, section = check_genesis(document), document["landfall"]
    if as_json:
        print_json({"hash": fingerprint, "verifier_hash": verifier_hash(document), "network": section["network"]})
        return
    print_line(f"network     {section['network']}, chain id {document['config']['chainId']}")
    print_line(f"begins      {datetime.fromtimestamp(section['genesis_time_s'], UTC):%Y-%m-%d %H:%M:%S} UTC")
    for one in section["validators"]:
        print_line(f"validator   {one['name']}, power {one['power']}, {one['algorithm']}")
    print_line(f"members     {', '.join(one['id'] for one in section['participants'])}")
    print_line(f"currencies  {', '.join(sorted(section['tokens'])) or 'none'}")
    print_line(f"verifiers trust {verifier_hash(document)} (landfall verify --genesis-hash)")
    print_line()
    print_line(f"hash  {' '.join(fingerprint[at : at + 8] for at in range(0, 64, 8))}")
    print_line("Every member must read the same hash aloud before anybody starts.")
