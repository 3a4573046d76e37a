"""What a run's config.yaml may name that must not be called: each would change the folder `ground`."""

import pickle
from pathlib import Path
from typing import Any


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def attacks(ground: Path) -> list[dict[str, Any]]:
    """Descriptions that take effect in `ground` where they are built, most by one call."""
    victim, taken, evil = ground / "victim", str(ground / "taken"), ground / "evil"
    ground.mkdir()
    evil.mkdir()
    victim.write_text("unharmed")
    code = f"open({taken!r}, 'w').close()"
    script, pickled = evil / "evil_module.py", str(evil / "evil.pkl")
    script.write_text(f"{code}\ndef go(*a, **k): pass\n")
    (evil / "hubconf.py").write_text(f"dependencies = []\n{code}\ndef go(): pass\n")
    (evil / "logging.ini").write_text(
        "[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n[logger_root]\nhandlers=h\n"
        f"[handler_h]\nclass=FileHandler\nargs=({taken!r},)\n"
    )
    Path(pickled).write_bytes(pickle.dumps(Touch(Path(taken))))
    touch, gone, said = ["touch", taken], str(victim), f"touch '{taken}'"
    opened = {"_target_": "builtins.open", "file": pickled, "mode": "rb"}
    path = {"_target_": "pathlib.Path", "_args_": [taken]}
    tag = f"!!python/object/apply:os.system [{said!r}]"
    named: list[tuple[str, dict[str, Any]]] = [
        # evaluate a string
        ("builtins.eval", {"_args_": [code]}),
        ("builtins.exec", {"_args_": [code]}),
        ("timeit.timeit", {"stmt": code, "number": 1}),
        ("timeit.repeat", {"stmt": code, "number": 1}),
        ("timeit.main", {"args": ["-n1", "-r1", code]}),
        ("cProfile.run", {"statement": code}),
        ("profile.run", {"statement": code}),
        ("bdb.Bdb.run", {"self": {"_target_": "bdb.Bdb"}, "cmd": code}),
        ("trace.Trace.run", {"self": {"_target_": "trace.Trace"}, "cmd": code}),
        ("code.InteractiveInterpreter.runsource", {"_args_": [{"_target_": "code.InteractiveInterpreter"}, code]}),
        ("pandas.eval", {"expr": "@pd.compat.os.system", "level": 0}),
        ("runpy.run_path", {"path_name": str(script)}),
        ("runpy._run_code", {"code": code, "run_globals": {}}),
        ("pdb.run", {"statement": code}),
        ("doctest.debug_script", {"src": code}),
        ("torch.hub.load", {"repo_or_dir": str(evil), "model": "go", "source": "local"}),
        ("importlib.machinery.SourceFileLoader.load_module", {"self": {"_target_": "importlib.machinery.SourceFileLoader", "fullname": "evil", "path": str(script)}}),
        # start a process
        ("os.system", {"command": said}),
        ("os.popen", {"cmd": said}),
        ("os.spawnvp", {"mode": 0, "file": "touch", "args": touch}),
        ("os.posix_spawn", {"path": "/usr/bin/touch", "argv": touch, "env": {}}),
        ("subprocess.run", {"args": touch}),
        ("subprocess.call", {"_args_": [touch]}),
        ("subprocess.check_call", {"_args_": [touch]}),
        ("subprocess.check_output", {"_args_": [touch]}),
        ("subprocess.Popen", {"args": touch}),
        ("subprocess.getoutput", {"cmd": said}),
        ("subprocess.getstatusoutput", {"cmd": said}),
        ("pty.spawn", {"argv": touch}),
        # load a pickle
        ("pickle.load", {"file": opened}),
        ("torch.load", {"f": pickled, "weights_only": False}),
        ("numpy.load", {"file": pickled, "allow_pickle": True}),
        ("pandas.read_pickle", {"filepath_or_buffer": pickled}),
        ("joblib.load", {"filename": pickled}),
        ("yaml.unsafe_load", {"stream": tag}),
        ("yaml.full_load", {"stream": tag}),
        ("logging.config.fileConfig", {"fname": str(evil / "logging.ini")}),
        # open, delete, move files
        ("builtins.open", {"file": taken, "mode": "w"}),
        ("os.open", {"path": taken, "flags": 65}),
        ("os.remove", {"path": gone}),
        ("os.unlink", {"path": gone}),
        ("os.rename", {"src": gone, "dst": taken}),
        ("os.replace", {"src": gone, "dst": taken}),
        ("os.truncate", {"path": gone, "length": 0}),
        ("os.mkdir", {"path": taken}),
        ("os.makedirs", {"name": taken}),
        ("os.mkfifo", {"path": taken}),
        ("os.symlink", {"src": gone, "dst": taken}),
        ("os.link", {"src": gone, "dst": taken}),
        ("shutil.rmtree", {"path": str(evil)}),
        ("shutil.move", {"src": gone, "dst": taken}),
        ("shutil.copy", {"src": gone, "dst": taken}),
        ("shutil.copyfile", {"src": gone, "dst": taken}),
        ("shutil.copytree", {"src": str(evil), "dst": taken}),
        ("shutil.make_archive", {"base_name": taken, "format": "tar", "root_dir": str(evil)}),
        ("pathlib.Path.touch", {"self": path}),
        ("pathlib.Path.unlink", {"self": {"_target_": "pathlib.Path", "_args_": [gone]}}),
        ("pathlib.Path.write_text", {"self": path, "data": "x"}),
        ("tempfile.mkdtemp", {"dir": str(ground)}),
        ("zipfile.ZipFile", {"file": taken, "mode": "w"}),
        ("tarfile.open", {"name": taken, "mode": "w"}),
        ("gzip.open", {"filename": taken, "mode": "w"}),
        ("sqlite3.connect", {"database": taken}),
        ("shelve.open", {"filename": taken}),
        ("dbm.dumb.open", {"file": taken}),
        ("mailbox.Maildir", {"dirname": taken}),
        ("logging.FileHandler", {"filename": taken}),
        ("venv.create", {"env_dir": taken}),
        ("py_compile.compile", {"file": str(script), "cfile": taken}),
        ("urllib.request.urlretrieve", {"url": f"file://{gone}", "filename": taken}),
        ("numpy.save", {"file": taken, "arr": [1]}),
        ("numpy.savetxt", {"fname": taken, "X": [1]}),
        ("torch.save", {"obj": 1, "f": taken}),
        ("torch.utils.tensorboard.SummaryWriter", {"log_dir": taken}),
        ("omegaconf.OmegaConf.save", {"config": {}, "f": taken}),
        ("hydra.utils.call", {"config": {"_target_": "os.mkdir", "path": taken}}),
        # this package's own, but no builders of models: a prefix is no allowlist
        ("pixelrnn.files.write_text", {"file": taken, "text": "x"}),
        ("pixelrnn.files.write_json", {"file": taken, "content": {}}),
        ("pixelrnn.stages.audit.build_network", {"name": "os:abort"}),
        ("pixelrnn.stages.compose.compose", {"out": taken}),
        ("pixelrnn.models.description.build_model", {"description": {"_target_": "os.mkdir", "path": taken}, "trust": ["os.mkdir"]}),
        ("pixelrnn.data.write_arrays", {"out": taken, "name": "x", "shape": [1, 1, 1], "levels": 2, "splits": {}}),
    ]  # fmt: skip
    return [{"_target_": target, **arguments} for target, arguments in named]


def places(model: dict[str, Any], attack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The description of a model with an attack in each place where one might be called."""
    part = {key: value for key, value in model.items() if key != "shape"} | {"_partial_": True}
    scales = {
        "_target_": "pixelrnn.models.multi_scale",
        "shape": model["shape"],
        "small": part,
        "large": part,
    }
    return {
        "the model": attack,
        "its head": {**model, "head": attack},
        "a part of the head": {**model, "head": {**model["head"], "levels": attack}},
        "a value": {**model, "hidden": attack},
        "in a list": {**model, "shape": [1, attack, 4]},
        "another key": {**model, "extra": attack},
        "_args_": {**model, "_args_": [attack]},
        "the small model": {**scales, "small": {**attack, "_partial_": True}},
        "the large model": {**scales, "large": {**attack, "_partial_": True}},
        "small, called at once": {**scales, "small": attack},
        "a head within": {**scales, "large": {**part, "head": attack}},
    }
