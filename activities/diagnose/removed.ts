/**
 * What took the place of names that are gone, by the module they were in. `self:x`: another name of the same module; `builtin:x`: Python's
 * own; `module:x`: a name of another module; `import:x`: that module itself.
 */
const removedNames: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  numpy: {
    ...taken('builtin', ['float', 'int', 'bool', 'object', 'complex', 'str']),
    ...{ long: 'builtin:int', unicode: 'builtin:str', math: 'import:math', warnings: 'import:warnings' },
    ...{ float_: 'self:float64', complex_: 'self:complex128', cfloat: 'self:complex128' },
    ...{ singlecomplex: 'self:complex64', longfloat: 'self:longdouble', string_: 'self:bytes_' },
    ...{ unicode_: 'self:str_', Inf: 'self:inf', Infinity: 'self:inf', infty: 'self:inf', PINF: 'self:inf' },
    ...{ NaN: 'self:nan', NAN: 'self:nan', product: 'self:prod', cumproduct: 'self:cumprod' },
    ...{
      typeDict: 'self:sctypeDict',
      sometrue: 'self:any',
      alltrue: 'self:all',
      trapz: 'self:trapezoid',
      in1d: 'self:isin',
    },
    ...{ row_stack: 'self:vstack', round_: 'self:round', mat: 'self:asmatrix' },
    ...taken('numpy.exceptions', ['ComplexWarning', 'VisibleDeprecationWarning', 'RankWarning', 'AxisError']),
  },
  'PIL.Image': { ANTIALIAS: 'self:LANCZOS', LINEAR: 'self:BILINEAR', CUBIC: 'self:BICUBIC' },
  pandas: {
    ...{ np: 'import:numpy', datetime: 'datetime:datetime', Int64Index: 'self:Index' },
    ...{ UInt64Index: 'self:Index', Float64Index: 'self:Index' },
  },
  'pandas.io.json': { json_normalize: 'pandas:json_normalize' },
  'scipy.integrate': {
    ...{ simps: 'self:simpson', trapz: 'self:trapezoid', cumtrapz: 'self:cumulative_trapezoid' },
  },
  'scipy.linalg': { pinv2: 'self:pinv' },
  'scipy.misc': {
    ...taken('scipy.special', ['comb', 'factorial', 'factorial2', 'logsumexp']),
    ...{ imread: 'imageio.v2:imread', imsave: 'imageio.v2:imwrite' },
  },
  'scipy.signal': taken('scipy.signal.windows', [
    ...['gaussian', 'hann', 'hamming', 'blackman', 'bartlett', 'boxcar', 'triang', 'kaiser', 'tukey'],
    ...['flattop', 'parzen', 'bohman', 'nuttall', 'cosine'],
  ]),
  scipy: taken('numpy', [
    ...['array', 'asarray', 'zeros', 'ones', 'arange', 'linspace', 'dot', 'sin', 'cos', 'tan', 'exp', 'log'],
    ...['sqrt', 'pi', 'mean', 'std', 'sum', 'where', 'absolute', 'real', 'imag', 'sign', 'floor', 'ceil'],
  ]),
  'skimage.measure': {
    compare_ssim: 'skimage.metrics:structural_similarity',
    compare_psnr: 'skimage.metrics:peak_signal_noise_ratio',
    compare_mse: 'skimage.metrics:mean_squared_error',
    compare_nrmse: 'skimage.metrics:normalized_root_mse',
    marching_cubes_lewiner: 'self:marching_cubes',
  },
  'skimage.feature': { greycomatrix: 'self:graycomatrix', greycoprops: 'self:graycoprops' },
  'skimage.morphology': { watershed: 'skimage.segmentation:watershed' },
  'skimage.util': { pad: 'numpy:pad' },
  networkx: { from_numpy_matrix: 'self:from_numpy_array', to_numpy_matrix: 'self:to_numpy_array' },
  collections: taken('collections.abc', [
    ...['Mapping', 'MutableMapping', 'Sequence', 'MutableSequence', 'Set', 'MutableSet', 'Iterable'],
    ...['Iterator', 'Callable', 'Hashable', 'Sized', 'Container', 'Generator', 'Collection'],
  ]),
  'matplotlib.cm': { get_cmap: 'matplotlib.pyplot:get_cmap' },
  'sklearn.externals': { joblib: 'import:joblib' },
  'sklearn.preprocessing': { Imputer: 'sklearn.impute:SimpleImputer' },
  time: { clock: 'self:perf_counter' },
  fractions: { gcd: 'math:gcd' },
  inspect: { getargspec: 'self:getfullargspec' },
  base64: { encodestring: 'self:encodebytes', decodestring: 'self:decodebytes' },
  cgi: { escape: 'html:escape' },
  os: { getcwdu: 'self:getcwd', errno: 'import:errno' },
  sys: { maxint: 'self:maxsize' },
  string: {
    ...{ letters: 'self:ascii_letters', lowercase: 'self:ascii_lowercase' },
    ...{ uppercase: 'self:ascii_uppercase', maketrans: 'builtin:str.maketrans' },
  },
  itertools: {
    ...{ izip: 'builtin:zip', imap: 'builtin:map', ifilter: 'builtin:filter' },
    ...{ izip_longest: 'self:zip_longest', ifilterfalse: 'self:filterfalse' },
  },
  operator: { div: 'self:truediv' },
  urllib: {
    ...taken('urllib.parse', ['urlencode', 'quote', 'quote_plus', 'unquote', 'unquote_plus']),
    ...taken('urllib.request', ['urlopen', 'urlretrieve']),
  },
};

function taken(module: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, `${module}:${name}`]));
}

/** Modules that are gone, or were called otherwise by an older Python. */
export const renamedModules: Readonly<Record<string, string>> = {
  Image: 'PIL.Image',
  ImageDraw: 'PIL.ImageDraw',
  ImageFont: 'PIL.ImageFont',
  ImageFilter: 'PIL.ImageFilter',
  pillow: 'PIL',
  Pillow: 'PIL',
  scikit_image: 'skimage',
  np: 'numpy',
  pd: 'pandas',
  plt: 'matplotlib.pyplot',
  'xml.etree.cElementTree': 'xml.etree.ElementTree',
  cPickle: 'pickle',
  ConfigParser: 'configparser',
  Queue: 'queue',
  StringIO: 'io',
  cStringIO: 'io',
  Tkinter: 'tkinter',
  __builtin__: 'builtins',
  copy_reg: 'copyreg',
  HTMLParser: 'html.parser',
  httplib: 'http.client',
  urlparse: 'urllib.parse',
  urllib2: 'urllib.request',
  SocketServer: 'socketserver',
  thread: '_thread',
  'sklearn.cross_validation': 'sklearn.model_selection',
  'sklearn.grid_search': 'sklearn.model_selection',
  'pandas.util.testing': 'pandas.testing',
};

/** Names that nothing takes the place of by itself, with what does what they did. */
const goneNames: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  asyncio: { coroutine: 'async def', async: 'asyncio.create_task' },
  inspect: { formatargspec: 'inspect.signature' },
  pandas: { Panel: 'a MultiIndex', rolling_mean: 'rolling(…).mean()', TimeGrouper: 'pandas.Grouper' },
  platform: { linux_distribution: '/etc/os-release', dist: '/etc/os-release' },
  'scipy.misc': {
    ...{ imresize: 'PIL.Image.resize', imrotate: 'PIL.Image.rotate', toimage: 'PIL.Image.fromarray' },
    ...{ imshow: 'matplotlib', face: 'scipy.datasets', lena: 'scipy.datasets', derivative: 'numpy.gradient' },
  },
  'sklearn.datasets': { load_boston: 'fetch_california_housing' },
  'sklearn.metrics': {
    plot_confusion_matrix: 'ConfusionMatrixDisplay.from_estimator',
    plot_roc_curve: 'RocCurveDisplay.from_estimator',
  },
};

/** Returns what does by now what a name did that is gone. Null where it is none that is known to be gone. */
export const goneFrom = (module: string, name: string): string | null => goneNames[module]?.[name] ?? null;

/** Methods that are gone, by what their objects are called. `NAME`: another method; a text with `{args}`: what is called instead. */
const removedMethods: readonly { of: RegExp; names: Readonly<Record<string, string>> }[] = [
  {
    of: /^(?:DataFrame|Series|DataFrameGroupBy|SeriesGroupBy)$/,
    names: {
      ...{ iteritems: 'items', as_matrix: 'to_numpy', get_values: 'to_numpy', applymap: 'map' },
      append: 'pandas.concat',
    },
  },
  {
    of: /(?:Vectorizer|Encoder|Transformer|Features)$/,
    names: { get_feature_names: 'get_feature_names_out' },
  },
  { of: /^(?:numpy\.)?ndarray$/, names: { tostring: 'tobytes' } },
  { of: /^ImageDraw$/, names: { textsize: 'textbbox((0, 0), {args})[2:]' } },
  { of: /^(?:FreeTypeFont|ImageFont|TransposedFont)$/, names: { getsize: 'getbbox({args})[2:]' } },
  { of: /^(?:array\.)?array$/, names: { tostring: 'tobytes', fromstring: 'frombytes' } },
  { of: /^(?:Thread|Process|Timer|_?\w*Thread)$/, names: { isAlive: 'is_alive' } },
  { of: /^(?:xml\.etree\.ElementTree\.)?Element(?:Tree)?$/, names: { getiterator: 'iter' } },
  { of: /^(?:Di|MultiDi|Multi)?Graph$/, names: { node: 'nodes', nodes_iter: 'nodes', edges_iter: 'edges' } },
];

/** Keywords of calls that are gone: `NAME`, or `NAME VALUE=OTHER …` where the value is another, too. */
const removedKeywords: Readonly<Record<string, string>> = {
  multichannel: 'channel_axis True=-1 False=None',
  selem: 'footprint',
  line_terminator: 'lineterminator',
  error_bad_lines: "on_bad_lines False='skip' True='error'",
  normed: 'density',
};

/** Keywords that are gone with nothing in their place, as `FUNCTION(KEYWORD)`, with what does what they did. */
export const goneKeywords: Readonly<Record<string, string>> = {
  'mean_squared_error(squared)': 'root_mean_squared_error',
  'read_csv(squeeze)': ".squeeze('columns')",
  'read_csv(delim_whitespace)': "sep=r'\\s+'",
  'sleep(loop)': 'no argument',
  'gather(loop)': 'no argument',
  'wait_for(loop)': 'no argument',
  'fillna(method)': 'ffill() or bfill()',
};

/**
 * Returns what takes the place of `name` of `module`, and of all other names of that module, as
 * `replaceRemoved` is told of it. Null where `name` is none that is known to be gone.
 */
export function replacedIn(module: string, name: string): Record<string, string> | null {
  const names = removedNames[module];
  if (names?.[name] === undefined) return null;
  return Object.fromEntries(Object.entries(names).map(([each, by]) => [`${module}.${each}`, by]));
}

/** Attributes of objects that nothing takes the place of by itself. */
export const goneAttributes: Readonly<Record<string, string>> = {
  'DataFrame.ix': 'loc or iloc',
  'Series.ix': 'loc or iloc',
  'DataFrame.lookup': 'loc',
  'DataFrame.mad': '(x - x.mean()).abs().mean()',
  'Series.mad': '(x - x.mean()).abs().mean()',
  'Figure.set_tight_layout': "set_layout_engine('tight')",
};

/** Returns the same for a method of an object. */
export function replacedMethod(of: string, name: string): Record<string, string> | null {
  const by = removedMethods.find((each) => each.of.test(of))?.names[name];
  return by === undefined ? null : { [`.${name}`]: by };
}

/** Returns the same for a keyword of a function that is called. */
export function replacedKeyword(called: string, name: string): Record<string, string> | null {
  const by = removedKeywords[name];
  return by === undefined ? null : { [`${called}(${name})`]: by };
}
