import sqlite3
import sys
import traceback
from pathlib import Path
from time import perf_counter
from typing import Any

import optuna
import pytest
from autotune.search.passwords import masked
from autotune.search.storage import connecting, open_storage, opening, storage_errors, storage_url, timeouts
from autotune.spaces.errors import StorageError, StorageLost, StorageReplaced
from filelock import FileLock
from optuna.exceptions import StorageInternalError
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.exc import OperationalError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "studies.db"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a tenth of a second for a lock, not five."""
    monkeypatch.setattr(timeouts, "OPENING_S", 0.1)
    monkeypatch.setattr(timeouts, "RUNNING_S", 0.1)


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


def refusal(url: str, *, create: bool) -> str:
    with pytest.raises(StorageError) as caught:
        open_storage(url, create=create)
    everything = "".join(traceback.format_exception(caught.value))
    assert "secret" not in everything
    assert "sqlalche.me" not in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def made(file: Path) -> None:
    open_storage(url_of(file), create=True).engine.dispose()


def test_url_precedence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AUTOTUNE_STORAGE", raising=False)
    assert storage_url(None, None) == "sqlite:///autotune.db"
    assert storage_url(None, "sqlite:///file.db") == "sqlite:///file.db"
    monkeypatch.setenv("AUTOTUNE_STORAGE", "sqlite:///environment.db")
    assert storage_url(None, "sqlite:///file.db") == "sqlite:///environment.db"
    assert storage_url("sqlite:///option.db", "sqlite:///file.db") == "sqlite:///option.db"


@pytest.mark.parametrize("folder", ["studies", "../studies", "a b/50%/who?"])
def test_a_path_in_a_study_file_is_relative_to_the_file(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTOTUNE_STORAGE", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path(folder).mkdir(parents=True)
    url = storage_url(None, "sqlite:///file.db", Path(folder))
    open_storage(url, create=True).engine.dispose()
    assert Path(folder, "file.db").is_file()
    assert storage_url(None, None, Path(folder)) == "sqlite:///autotune.db"
    assert storage_url("sqlite:///file.db", "sqlite:///other.db", Path(folder)) == "sqlite:///file.db"
    for absolute in ("sqlite:////tmp/file.db", "postgresql://host/studies"):
        assert storage_url(None, absolute, Path(folder)) == absolute


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite://", "mysql://host/db", "nothing"])
def test_a_study_files_url_that_is_none_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOTUNE_STORAGE", raising=False)
    with pytest.raises(StorageError):
        storage_url(None, url, Path("studies"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:secret@host/studies",
        "postgresql://ada:secret@secret/secret@host:5432/studies",
        "postgresql://ada@server:secret@host/studies",
        "postgresql+psycopg://host/studies?user=ada&password=secret",
        "postgresql://ada:secret@host:port/studies",
        "postgres://:secret@host",
        "://ada:secret@",
        "postgresql:/ada:secret@host/studies",
        "postgresql:/ada:/secret@host/studies",
        "postgresql//ada:secret@host/studies",
        "ada:secret@host/studies",
        "sqlite://ada:secret@host/studies",
        "postgresql://ada:secret\n@host/d",
    ],
)
def test_no_password_is_shown(url: str):
    assert "secret" not in masked(url)
    refusal(url, create=True)


@pytest.mark.parametrize("url", ["sqlite:////data/a:b@c/autotune.db", "postgresql://ada@host:5432/studies", "x"])
def test_what_has_no_password_is_shown_as_it_is(url: str):
    assert masked(url) == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "not the URL of a database"),
        ("autotune.db", "not the URL of a database"),
        ("postgresql://ada:secret@host:port/studies", "not the URL of a database"),
        ("postgresql://ada:sec@ret@host/studies", "write it as %40"),
        ("mysql://ada:secret@host/studies", "'mysql', which is not supported; allowed are sqlite:///FILE"),
        ("sqlite://autotune.db", "three slashes"),
        ("sqlite:///:memory:", "must name a plain file"),
        ("sqlite://", "must name a plain file"),
        ("sqlite:///file:a.db?uri=true", "must name a plain file"),
    ],
)
@pytest.mark.parametrize("create", [True, False])
def test_urls_that_are_refused(url: str, words: str, create: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert words in refusal(url, create=create)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("driver", ["psycopg2", "pg8000", "asyncpg", "nonsense"])
def test_another_driver_is_refused(driver: str):
    told = refusal(f"postgresql+{driver}://ada:secret@host/studies", create=True)
    assert f"names the driver '{driver}'; write postgresql://" in told


def test_the_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)  # as where it is not installed: importing it fails
    assert "pip install 'psycopg[binary]'" in refusal("postgresql://ada:secret@host/studies", create=True)


def test_a_server_that_is_not_there():
    pytest.importorskip("psycopg")
    begin = perf_counter()
    assert "failed" in refusal("postgresql://ada:secret@127.0.0.1:1/studies", create=False)
    assert perf_counter() - begin < 10


def test_a_file_that_is_not_there_is_not_made(file: Path):
    assert "does not exist" in refusal(url_of(file), create=False)
    assert not list(file.parent.iterdir())


@pytest.mark.parametrize("create", [True, False])
def test_a_folder_that_is_not_there(file: Path, create: bool):
    assert "there is no folder" in refusal(url_of(file / "studies.db"), create=create)
    assert not list(file.parent.iterdir())


def test_a_folder_instead_of_a_file(tmp_path: Path):
    assert "is a folder" in refusal(url_of(tmp_path), create=True)


def test_a_folder_that_cannot_be_written():
    assert "cannot be used" in refusal("sqlite:////proc/autotune.db", create=True)


def test_a_schema_that_fails_half_way_leaves_no_file(file: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_arguments: object, **_settings: object):
        raise OperationalError("CREATE TABLE", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(connecting, "RDBStorage", full)
    with pytest.raises(StorageLost, match="the disk is full"):
        open_storage(url_of(file), create=True)
    assert not list(file.parent.iterdir())


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("content", [b"name,label\n" * 500, b"SQLite format 3\x00" + bytes(range(256)) * 40])
def test_a_file_that_is_no_database(file: Path, create: bool, content: bytes):
    file.write_bytes(content)
    told = refusal(url_of(file), create=create)
    assert "is not a SQLite database" in told or "is damaged" in told
    assert file.read_bytes() == content


@pytest.mark.parametrize("create", [True, False])
def test_the_database_of_another_program(file: Path, create: bool):
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    before = file.read_bytes()
    assert "another program" in refusal(url_of(file), create=create)
    assert file.read_bytes() == before


@pytest.mark.parametrize("create", [True, False])
def test_a_server_with_the_tables_of_another_program(postgres_url: str, create: bool):
    """Alembic keeps one version a database: Optuna's tables would be made, and then be refused for that version."""
    engine = create_engine(make_url(postgres_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('4f3c')"))
    assert "another program" in refusal(postgres_url, create=create)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_whoever_fails_leaves_a_database_that_another_one_made_meanwhile(file: Path, monkeypatch: pytest.MonkeyPatch):
    class Late(FileLock):
        """Taken only when another process has stored its studies."""

        def acquire(self, *arguments: Any, **settings: Any) -> Any:  # noqa: ANN401  as the library has it
            monkeypatch.setattr(opening, "FileLock", FileLock)
            made(file)
            monkeypatch.setattr(opening, "_file_tables", interrupted)
            return super().acquire(*arguments, **settings)

    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(opening, "FileLock", Late)
    with pytest.raises(KeyboardInterrupt):
        open_storage(url_of(file), create=True)
    monkeypatch.undo()
    assert open_storage(url_of(file), create=False).get_all_studies() == []


def test_a_server_that_says_nothing_is_lost_within_minutes(postgres_url: str):
    storage = open_storage(postgres_url, create=True)
    with storage.engine.connect() as connection:
        known = connection.connection.dbapi_connection.info.get_parameters()  # pyright: ignore[reportOptionalMemberAccess]
    assert (known["tcp_user_timeout"], known["keepalives_idle"]) == ("60000", "30")
    given = make_url(postgres_url).update_query_dict({"tcp_user_timeout": "5000"})
    storage = open_storage(given.render_as_string(hide_password=False), create=False)
    with storage.engine.connect() as connection:
        known = connection.connection.dbapi_connection.info.get_parameters()  # pyright: ignore[reportOptionalMemberAccess]
    assert known["tcp_user_timeout"] == "5000"


@pytest.mark.parametrize("create", [True, False])
def test_the_database_of_another_optuna(file: Path, create: bool):
    made(file)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v99.0.0'")
    connection.close()
    assert "another version of Optuna" in refusal(url_of(file), create=create)


def test_a_database_without_a_version(file: Path, monkeypatch: pytest.MonkeyPatch):
    """As of a file that is moved while it is opened: SQLite makes an empty one in its place."""
    monkeypatch.setattr("optuna.storages._rdb.storage._VersionManager._init_alembic", lambda _: None)
    assert refusal(url_of(file), create=True).endswith("was it moved or replaced just now, or is it damaged?")
    assert not file.exists()


def test_an_empty_file_is_no_study_but_can_become_one(file: Path):
    file.touch()
    assert "holds no studies" in refusal(url_of(file), create=False)
    made(file)
    assert open_storage(url_of(file), create=False).get_all_studies() == []


def test_a_half_made_schema_is_completed(file: Path):
    made(file)
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE alembic_version")
        connection.execute("DROP TABLE trials")
    connection.close()
    assert "holds no studies" in refusal(url_of(file), create=False)
    optuna.create_study(storage=open_storage(url_of(file), create=True)).ask()


@pytest.mark.parametrize("create", [True, False])
def test_a_locked_file_is_waited_for_and_then_refused(file: Path, create: bool, impatient: None):
    made(file)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert "another process holds it" in refusal(url_of(file), create=create)
    holder.close()
    open_storage(url_of(file), create=create)


def test_opening_waits_about_five_seconds():
    assert 3 <= timeouts.OPENING_S <= 10 < timeouts.RUNNING_S


def test_a_file_that_is_locked_in_mid_run(file: Path, impatient: None):
    storage = open_storage(url_of(file), create=True)
    study = optuna.create_study(storage=storage)
    trial = study.ask()
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageError, match="another process holds it") as caught, storage_errors(url_of(file), 0.1):
        trial.report(0.5, 1)
    assert "UPDATE" not in "".join(traceback.format_exception(caught.value))
    holder.close()
    trial.report(0.5, 1)
    study.tell(trial, 0.5)
    assert study.best_value == 0.5


@pytest.mark.parametrize("how", ["deleted", "replaced", "moved"])
def test_a_file_that_is_another_one_in_mid_run_is_written_no_more(file: Path, how: str):
    storage = open_storage(url_of(file), create=True)
    study = optuna.create_study(storage=storage)
    trial = study.ask()
    if how == "replaced":
        copy = file.with_name("copy.db")
        copy.write_bytes(file.read_bytes())
        copy.rename(file)
    else:
        file.rename(file.with_name("moved.db")) if how == "moved" else file.unlink()
    with pytest.raises(StorageReplaced, match="was moved, deleted or replaced while it was in use"):
        study.tell(trial, 0.5)
    if how == "moved":
        file.with_name("moved.db").rename(file)
        study.tell(trial, 0.5)
        assert study.best_value == 0.5


def test_errors_in_mid_run_show_no_password():
    url = "postgresql://ada:secret@host/studies"

    @storage_errors(url)
    def fail() -> None:
        try:
            raise OperationalError("SELECT", {"p": "secret"}, Exception("no way in with secret\nline two"))
        except OperationalError as error:
            raise StorageInternalError("An exception is raised during the commit.") from error

    with pytest.raises(StorageError) as caught:
        fail()
    assert "secret" not in "".join(traceback.format_exception(caught.value))
    assert str(caught.value) == "postgresql://ada:***@host/studies: failed: no way in with ***"


def test_other_errors_pass_through():
    with pytest.raises(ZeroDivisionError), storage_errors("sqlite:///x.db"):
        raise ZeroDivisionError


def test_the_file_is_in_wal_mode_and_nothing_is_left_beside_it(file: Path):
    made(file)
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert {path.name for path in file.parent.iterdir()} == {file.name}


def test_a_transaction_begins_with_the_write_lock(file: Path, impatient: None):
    """A reader that goes on to write must not find that a neighbour wrote in between."""
    storage = open_storage(url_of(file), create=True)
    other = sqlite3.connect(file, isolation_level=None, timeout=0)
    with storage.engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM studies")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()


@pytest.mark.slow
def test_braces_and_spaces_in_the_path(tmp_path: Path):
    folder = tmp_path / "stüdy {SCHEMA_VERSION} {}"
    folder.mkdir()
    made(folder / "a b.db")
    assert [path.name for path in folder.iterdir()] == ["a b.db"]


def test_deleting_a_study_leaves_no_trial_behind(file: Path):
    storage = open_storage(url_of(file), create=True)
    study = optuna.create_study(study_name="gone", storage=storage)
    trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    trial.report(1.0, 1)
    trial.set_user_attr("note", "n")
    optuna.delete_study(study_name="gone", storage=storage)
    with storage.engine.connect() as connection:
        for table in ("studies", "trials", "trial_params", "trial_intermediate_values", "trial_user_attributes"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0, table
