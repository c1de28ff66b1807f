"""use_cpp_extension: translates the function and its helpers to C++ and binds them with nanobind.

The translation is in `cpp_translator.py`, the meaning of Python's numbers in `cpp/python_numbers.hpp`. The extension is
compiled against a nanobind runtime that was built beforehand, which takes a second instead of six
(https://nanobind.readthedocs.io/en/latest/benchmark.html). Without `fastmath` the compiler may not fuse or reorder
floating-point operations, so that results equal Python's to the last bit, sums over threads excepted.
"""

from pathlib import Path

from case import ArrayType
from cpp_translator import Tuple, cpp_type, translate
from parallel_loops import find_parallel_loops, written_parameters
from program import Program, original_files, wrapper_module
from source import NotApplicable, parameters, require_compilable

_HEADER = 'python_numbers.hpp'

_BINDING = '''// {note}
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include "{header}"

namespace kernel {{

{functions}

}}  // namespace kernel

namespace nb = nanobind;

namespace {{

template <class T, int N>
using Given = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

// The caller's array, without a copy. What is bound as const is never written by the kernel.
template <class T, int N>
auto borrowed(const Given<T, N>& array) {{
  py::Array<std::remove_const_t<T>, N> view;
  view.data = const_cast<std::remove_const_t<T>*>(array.data());
  for (int axis = 0; axis < N; ++axis) view.shape[axis] = int64_t(array.shape(axis));
  return view;
}}

template <class T, int N>
nb::ndarray<nb::numpy, T, nb::ndim<N>> given_back(const py::Array<T, N>& result) {{
  // An argument that is given back stays the caller's: Python gets a copy.
  const auto array = result.owner ? result : py::copy(result);
  size_t shape[N];
  for (int axis = 0; axis < N; ++axis) shape[axis] = size_t(array.shape[axis]);
  auto* owner = new std::shared_ptr<void>(array.owner);
  nb::capsule capsule(owner, [](void* kept) noexcept {{ delete static_cast<std::shared_ptr<void>*>(kept); }});
  return nb::ndarray<nb::numpy, T, nb::ndim<N>>(array.data, N, shape, capsule);
}}

}}  // namespace

NB_MODULE({extension}, module) {{
  module.def(
      "{name}",
      []({given}) {{
{borrow}{result}        {{
          nb::gil_scoped_release unlocked;
          {call};
        }}
{back}      }}{arguments});
}}
'''


def use_cpp_extension(module, types, parallel, fast_math):
    """The program whose function is a C++ extension; with `parallel` its loops are shared out among threads."""
    require_compilable(module)
    loops = find_parallel_loops(module, types) if parallel else []
    functions, result = translate(module, types, loops)
    extension = f'{Path(module.filename).stem}_native'
    note = f'translated {module.name} and what it calls to C++'
    source = _binding(module, types, functions, result, extension, f'{note} from {module.filename}.')
    header = (Path(__file__).parent / 'cpp' / _HEADER).read_text()
    notes = [note + (', with relaxed floating-point rules' if fast_math else '')]
    if loops:
        notes.append('shared out ' + ' and '.join(f'the loop over {loop.index}' for loop in loops) + ' among threads')
    return Program(
        entry=module.filename,
        files={
            module.filename: wrapper_module(module, types, f'`{module.name}`, compiled from {extension}.cpp.', extension),
            f'{extension}.cpp': source,
            _HEADER: header,
            **original_files(module),
        },
        build={'tool': 'nanobind', 'sources': [f'{extension}.cpp'], 'fastMath': fast_math},
        notes=notes,
    )


def _binding(module, types, functions, result, extension, note):
    if isinstance(result, Tuple) and any(isinstance(part, Tuple) for part in result.parts):
        raise NotApplicable(f'{module.name} returns a tuple inside a tuple', module.function)
    written = written_parameters(module)
    names = parameters(module.function)
    given, borrow, call, arguments = [], '', [], ''
    # Names of the caller's arrays end in an underscore: inside they are views.
    for name in names:
        kind = types[name]
        if isinstance(kind, ArrayType):
            element = cpp_type(kind).removeprefix('py::Array<').rsplit(',', 1)[0]
            const = '' if name in written else 'const '
            given.append(f'Given<{const}{element}, {kind.ndim}> given_{name}')
            borrow += f'        const auto {name}_view = borrowed<{const}{element}, {kind.ndim}>(given_{name});\n'
            call.append(f'{name}_view')
        else:
            given.append(f'{cpp_type(kind)} given_{name}')
            call.append(f'given_{name}')
        arguments += f',\n      nb::arg("{name}").noconvert()'
    function = module.name
    called = f'kernel::{function}({", ".join(call)})'
    return _BINDING.format(
        note=note,
        header=_HEADER,
        functions=functions,
        extension=extension,
        name=function,
        given=', '.join(given),
        borrow=borrow,
        result='' if result is None else f'        {cpp_type(result)} result{{}};\n',
        call=called if result is None else f'result = {called}',
        back='' if result is None else f'        return {_given_back(result)};\n',
        arguments=arguments,
    )


def _given_back(result):
    match result:
        case ArrayType():
            return 'given_back(result)'
        case Tuple(parts=parts):
            each = (
                f'given_back(std::get<{i}>(result))' if isinstance(part, ArrayType) else f'std::get<{i}>(result)'
                for i, part in enumerate(parts)
            )
            return f'std::make_tuple({", ".join(each)})'
    return 'result'
