/**
 * The 3D views of a report, in the reader's browser. It is embedded as it stands, and the page's policy lets this text run and no other. It asks
 * for nothing, and takes what it draws from its own page. A view that cannot be drawn stays the picture that stands there.
 */
(() => {
  const { PI, cos, sin, max, min, round, ceil, hypot } = Math;
  const turnStart = [-60, 30].map((degrees) => (degrees * PI) / 180);

  const corner = `#version 300 es
  void main() { gl_Position = vec4(vec2(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1), 0, 1); }`;

  /** What both programs share: the colour of a value, and what of the box is left by the cut. */
  const shared = `#version 300 es
  precision highp float;
  uniform mat3 turn;      // its rows: to the right, upwards, towards the reader
  uniform vec3 box;       // half of each edge; the longest is 1
  uniform int cutAxis;    // -1: none
  uniform float cutAt;    // in the coordinates of the box
  out vec4 colour;
  vec3 colourOf(float v) {
    const vec3 a = vec3(0.277, 0.005, 0.334), b = vec3(0.105, 1.404, 1.384), c = vec3(-0.33, 0.214, 0.095);
    const vec3 d = vec3(-4.634, -5.799, -19.332), e = vec3(6.228, 14.179, 56.690), f = vec3(4.776, -13.745, -65.353), g = vec3(-5.435, 4.645, 26.312);
    return clamp(a + v * (b + v * (c + v * (d + v * (e + v * (f + v * g))))), 0.0, 1.0);
  }
  vec3 lit(vec3 plain, vec3 normal, vec3 towards) {
    vec3 light = normalize(towards + 0.45 * vec3(turn[0][1], turn[1][1], turn[2][1]) - 0.3 * vec3(turn[0][0], turn[1][0], turn[2][0]));
    float straight = abs(dot(normal, light));
    return plain * (0.32 + 0.68 * straight) + 0.18 * pow(straight, 24.0);
  }`;

  const ofVolume = `${shared}
  uniform highp sampler3D values;
  uniform vec2 size;
  uniform float zoom, level, stride;
  uniform int cloud;
  uniform vec3 plain;
  float at(vec3 p) { return texture(values, (p / box * 0.5 + 0.5).zyx).r; }
  void main() {
    vec2 q = (gl_FragCoord.xy * 2.0 - size) / min(size.x, size.y) * zoom;
    vec3 right = vec3(turn[0][0], turn[1][0], turn[2][0]), up = vec3(turn[0][1], turn[1][1], turn[2][1]);
    vec3 towards = vec3(turn[0][2], turn[1][2], turn[2][2]);
    vec3 origin = right * q.x + up * q.y + towards * 4.0, way = -towards;
    way += vec3(equal(way, vec3(0.0))) * 1e-6;
    vec3 low = -box, high = box;
    if (cutAxis >= 0) { if (towards[cutAxis] >= 0.0) high[cutAxis] = cutAt; else low[cutAxis] = cutAt; }
    vec3 one = (low - origin) / way, other = (high - origin) / way;
    vec3 nearest = min(one, other), farthest = max(one, other);
    float begin = max(nearest.x, max(nearest.y, nearest.z)), end = min(farthest.x, min(farthest.y, farthest.z));
    colour = vec4(0.0);
    if (begin >= end) return;
    if (cutAxis >= 0 && nearest[cutAxis] == begin) {
      float v = at(origin + way * begin);
      if (v > 0.003 && cloud == 0) { colour = vec4(colourOf(v), 1.0); return; }
      if (v > 0.003) { colour = vec4(colourOf(v) * 0.85, 0.85); }
    }
    for (int index = 0; index < 900; index++) {
      float t = begin + (float(index) + 0.5) * stride;
      if (t >= end || colour.a > 0.99) break;
      vec3 p = origin + way * t;
      float v = at(p);
      if (cloud == 1) {
        float a = pow(clamp((v - level * 0.5) / max(1.0 - level * 0.5, 0.01), 0.0, 1.0), 1.5);
        a = 1.0 - pow(1.0 - min(a, 0.98), stride * 14.0);
        colour += (1.0 - colour.a) * a * vec4(colourOf(v), 1.0);
      } else if (v >= level) {
        float out_ = t - stride, in_ = t;
        for (int k = 0; k < 5; k++) { float m = (out_ + in_) * 0.5; if (at(origin + way * m) >= level) in_ = m; else out_ = m; }
        p = origin + way * in_;
        vec3 e = vec3(1.0) / vec3(textureSize(values, 0).zyx) * box * 2.0, slope;
        for (int k = 0; k < 3; k++) { vec3 step_ = vec3(0.0); step_[k] = e[k]; slope[k] = (at(p + step_) - at(p - step_)) / e[k]; }
        // At a face of the box it is the face that is seen.
        vec3 face = step(box - e * 0.3, abs(p)) * sign(p);
        vec3 normal = length(face) > 0.0 ? normalize(face) : length(slope) > 0.0 ? normalize(slope) : towards;
        colour = vec4(lit(plain, normal, towards), 1.0);
        return;
      }
    }
  }`;

  const placed = `#version 300 es
  precision highp float;
  uniform mat3 turn;
  uniform vec2 size;
  uniform float zoom;
  in vec3 place;
  out vec3 inside;
  void main() {
    inside = place;
    vec3 seen = turn * place;
    gl_Position = vec4(seen.xy * min(size.x, size.y) / size / zoom, -seen.z / 4.0, 1);
  }`;

  const ofMesh = `${shared}
  in vec3 inside;
  uniform vec3 plain;
  void main() {
    vec3 towards = vec3(turn[0][2], turn[1][2], turn[2][2]);
    if (cutAxis >= 0 && (inside[cutAxis] - cutAt) * (towards[cutAxis] >= 0.0 ? 1.0 : -1.0) > 0.0) discard;
    vec3 across = cross(dFdx(inside), dFdy(inside));
    vec3 normal = length(across) > 0.0 ? normalize(across) : towards;
    vec3 seen = lit(plain, normal, towards);
    colour = vec4(dot(normal, towards) < 0.0 && cutAxis >= 0 && !gl_FrontFacing ? seen * 0.7 : seen, 1.0);
  }`;

  const ofLines = `${shared}
  in vec3 inside;
  uniform vec3 plain;
  void main() { colour = vec4(plain * 0.55, 0.55); }`;

  const numbers = (text) => text.split(' ').map(Number);
  const short = (value) => String(Number(value.toPrecision(4)));

  const made = (name, attributes, ...inside) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...inside);
    return element;
  };

  /** The bytes that stand in the page, packed. */
  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
    return new Response(stream).arrayBuffer();
  }

  function programOf(gl, vertex, fragment) {
    const program = gl.createProgram();
    for (const [kind, text] of [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, 'place');
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS))
      throw new Error('this browser draws no such program');
    const at = (name) => gl.getUniformLocation(program, name);
    return { program, at };
  }

  /** Gives the volume to the graphics card; returns what draws it. */
  function volumeOn(gl, buffer, [x, y, z], box) {
    if (buffer.byteLength !== x * y * z) throw new Error('the view is damaged');
    const { program, at } = programOf(gl, corner, ofVolume);
    gl.bindTexture(gl.TEXTURE_3D, gl.createTexture());
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.R8, z, y, x, 0, gl.RED, gl.UNSIGNED_BYTE, new Uint8Array(buffer));
    for (const side of ['S', 'T', 'R'])
      gl.texParameteri(gl.TEXTURE_3D, gl[`TEXTURE_WRAP_${side}`], gl.CLAMP_TO_EDGE);
    for (const way of ['MIN', 'MAG']) gl.texParameteri(gl.TEXTURE_3D, gl[`TEXTURE_${way}_FILTER`], gl.LINEAR);
    const none = gl.createVertexArray();
    const voxel = min(...[x, y, z].map((count, axis) => (2 * box[axis]) / count));
    return (state) => {
      gl.useProgram(program);
      gl.bindVertexArray(none);
      gl.disable(gl.DEPTH_TEST);
      gl.uniform1f(at('level'), max(state.level, 0.002));
      gl.uniform1f(at('stride'), max(voxel * 0.6, (2 * hypot(...box)) / 880));
      gl.uniform1i(at('cloud'), state.mode === 'cloud' ? 1 : 0);
      return { at, draw: () => gl.drawArrays(gl.TRIANGLES, 0, 3) };
    };
  }

  /** The same of a mesh: its vertices as numbers of 16 bits within the box, then its faces. */
  function meshOn(gl, buffer, [vertices, faces], box) {
    const begin = ceil((vertices * 6) / 4) * 4;
    if (buffer.byteLength !== begin + faces * 12) throw new Error('the view is damaged');
    const steps = new Uint16Array(buffer, 0, vertices * 3);
    const places = Float32Array.from(steps, (step, index) => ((step / 65535) * 2 - 1) * box[index % 3]);
    const { program, at } = programOf(gl, placed, ofMesh);
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    fill(gl, places);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, new Uint32Array(buffer, begin, faces * 3), gl.STATIC_DRAW);
    return () => {
      gl.useProgram(program);
      gl.bindVertexArray(array);
      gl.enable(gl.DEPTH_TEST);
      return { at, draw: () => gl.drawElements(gl.TRIANGLES, faces * 3, gl.UNSIGNED_INT, 0) };
    };
  }

  function fill(gl, places) {
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
  }

  /** The twelve edges of the box. */
  function edgesOn(gl, box) {
    const places = [];
    for (let axis = 0; axis < 3; axis += 1)
      for (const one of [-1, 1])
        for (const other of [-1, 1])
          for (const end of [-1, 1]) {
            const place = [0, 0, 0];
            place[axis] = end * box[axis];
            place[(axis + 1) % 3] = one * box[(axis + 1) % 3];
            place[(axis + 2) % 3] = other * box[(axis + 2) % 3];
            places.push(...place);
          }
    const { program, at } = programOf(gl, placed, ofLines);
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    fill(gl, new Float32Array(places));
    return () => {
      gl.useProgram(program);
      gl.bindVertexArray(array);
      return { at, draw: () => gl.drawArrays(gl.LINES, 0, 24) };
    };
  }

  /** Rows: to the right, upwards, towards the reader. */
  function turned([azimuth, elevation]) {
    const [ca, sa, ce, se] = [cos(azimuth), sin(azimuth), cos(elevation), sin(elevation)];
    return [
      [-sa, ca, 0],
      [-se * ca, -se * sa, ce],
      [ce * ca, ce * sa, se],
    ];
  }

  async function show(figure) {
    const { space, shape, size: extent, range, level, units, bytes } = figure.dataset;
    const size = numbers(extent);
    const box = size.map((edge) => edge / max(...size));
    const [least, most] = numbers(range);
    const canvas = made('canvas', {
      tabindex: '0',
      role: 'img',
      'aria-label': `${figure.dataset.name}, to be turned by dragging or by the arrow keys`,
    });
    const gl = canvas.getContext('webgl2', {
      premultipliedAlpha: true,
      preserveDrawingBuffer: true,
      antialias: true,
    });
    if (gl === null) throw new Error('this browser has no WebGL 2');
    const buffer = await unpacked(bytes);
    const isVolume = space === 'volume';
    const thing = (isVolume ? volumeOn : meshOn)(gl, buffer, numbers(shape), box);
    const edges = edgesOn(gl, box);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);

    const reach = hypot(...box);
    const start = () => ({
      turn: [...turnStart],
      zoom: reach * 1.08,
      level: Number(level) / 255,
      mode: 'surface',
      cut: 'none',
      at: 0.5,
    });
    const state = start();
    const labels = ['x', 'y', 'z'].map((name, axis) =>
      made('span', { class: 'axis-name' }, `${name} ${short(size[axis])} ${units}`),
    );

    function draw(fine) {
      const ratio = min(devicePixelRatio || 1, 2) * (fine || !isVolume ? 1 : 0.5);
      const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((edge) =>
        max(1, round(edge * ratio)),
      );
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      gl.viewport(0, 0, width, height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      const rows = turned(state.turn);
      const axis = ['x', 'y', 'z'].indexOf(state.cut);
      const dark = matchMedia('(prefers-color-scheme: dark)').matches;
      for (const [each, plain] of [
        [thing, [0.87, 0.5, 0.26]],
        [edges, dark ? [0.8, 0.78, 0.75] : [0.35, 0.33, 0.3]],
      ]) {
        const { at, draw: drawn } = each(state);
        gl.uniformMatrix3fv(at('turn'), true, rows.flat());
        gl.uniform3fv(at('box'), box);
        gl.uniform2f(at('size'), width, height);
        gl.uniform1f(at('zoom'), state.zoom);
        gl.uniform1i(at('cutAxis'), axis);
        gl.uniform1f(at('cutAt'), axis < 0 ? 0 : (state.at * 2 - 1) * box[axis]);
        gl.uniform3fv(at('plain'), plain);
        drawn();
      }
      place(rows);
    }

    /** Each axis is named at the far end of the edge that begins at the corner of least coordinates. */
    function place(rows) {
      const half = min(canvas.clientWidth, canvas.clientHeight) / 2 / state.zoom;
      labels.forEach((label, axis) => {
        const end = box.map((edge, index) => (index === axis ? 0.98 * edge : -edge) * 1.06);
        const [x, y] = rows.map((row) => row[0] * end[0] + row[1] * end[1] + row[2] * end[2]);
        const clamp = (value, most) => max(4, min(most - 4, value));
        label.style.left = `${clamp(canvas.clientWidth / 2 + x * half, canvas.clientWidth - label.offsetWidth)}px`;
        label.style.top = `${clamp(canvas.clientHeight / 2 - y * half, canvas.clientHeight - label.offsetHeight)}px`;
      });
    }

    let later = 0;
    let asked = false;
    /** Coarse while something moves, fine once it rests. */
    function change() {
      clearTimeout(later);
      later = setTimeout(() => draw(true), 160);
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        draw(false);
      });
    }

    const stage = made('div', { class: 'stage3d' }, canvas, ...labels);
    figure.querySelector('img').replaceWith(stage);
    const { controls, refresh } = controlsOf(state, { isVolume, size, units, least, most, change });
    const again = made('button', { type: 'button' }, 'As at first');
    again.addEventListener('click', () => {
      Object.assign(state, start());
      refresh();
      change();
    });
    controls.append(again);
    stage.after(controls);
    follow(canvas, state, reach, change);
    new ResizeObserver(change).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', change);
    canvas.addEventListener('webglcontextlost', () =>
      fail(figure, new Error('the graphics card gave up: load the page again')),
    );
    draw(true);
    figure.dataset.shown = 'yes';
  }

  /** What stands below a view; `refresh` shows the state again. */
  function controlsOf(state, { isVolume, size, units, least, most, change }) {
    const controls = made('div', { class: 'controls3d' });
    const refreshes = [];
    const choice = (text, name, words) => {
      const select = made(
        'select',
        { 'data-control': name },
        ...words.map((word) => made('option', { value: word }, word)),
      );
      select.addEventListener('change', () => {
        state[name] = select.value;
        refresh();
        change();
      });
      refreshes.push(() => {
        select.value = state[name];
      });
      controls.append(made('label', {}, `${text} `, select));
    };
    const slider = (text, name, told, isOff) => {
      const input = made('input', {
        type: 'range',
        min: '0',
        max: '255',
        step: '1',
        'data-control': name,
        'aria-label': text,
      });
      const value = made('output', {});
      input.addEventListener('input', () => {
        state[name] = Number(input.value) / 255;
        refresh();
        change();
      });
      const label = made('label', {}, `${text} `, input, value);
      refreshes.push(() => {
        input.value = String(round(state[name] * 255));
        value.textContent = told();
        label.hidden = isOff();
      });
      controls.append(label);
    };
    function refresh() {
      for (const each of refreshes) each();
    }
    if (isVolume) {
      choice('Shown as', 'mode', ['surface', 'cloud']);
      slider(
        'From',
        'level',
        () => short(least + (most - least) * state.level),
        () => false,
      );
    }
    choice('Cut across', 'cut', ['none', 'x', 'y', 'z']);
    const along = () => size[['x', 'y', 'z'].indexOf(state.cut)] ?? 0;
    slider(
      'at',
      'at',
      () => `${short(along() * state.at)} ${units}`,
      () => state.cut === 'none',
    );
    refresh();
    return { controls, refresh };
  }

  /** Follows pointers, the wheel and keys: one finger turns, two change the size. */
  function follow(canvas, state, reach, change) {
    const fingers = new Map();
    const gap = () => {
      const [one, other] = [...fingers.values()];
      return hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    };
    const turnBy = (x, y) => {
      state.turn[0] -= x;
      state.turn[1] = max(-PI / 2, min(PI / 2, state.turn[1] + y));
      change();
    };
    const zoomBy = (factor) => {
      state.zoom = max(reach * 0.1, min(reach * 4, state.zoom * factor));
      change();
    };
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, event);
    });
    canvas.addEventListener('pointermove', (event) => {
      const before = fingers.get(event.pointerId);
      if (before === undefined) return;
      const apart = fingers.size === 2 ? gap() : 0;
      fingers.set(event.pointerId, event);
      if (fingers.size === 1)
        turnBy((event.clientX - before.clientX) / 110, (event.clientY - before.clientY) / 110);
      else if (fingers.size === 2 && apart > 0 && gap() > 0) zoomBy(apart / gap());
    });
    for (const end of ['pointerup', 'pointercancel'])
      canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
    // A page is scrolled past a view that nobody has touched.
    canvas.addEventListener(
      'wheel',
      (event) => {
        if (document.activeElement !== canvas) return;
        event.preventDefault();
        zoomBy(1.0015 ** max(-200, min(200, event.deltaY)));
      },
      { passive: false },
    );
    const keys = { ArrowLeft: [0.12, 0], ArrowRight: [-0.12, 0], ArrowUp: [0, -0.12], ArrowDown: [0, 0.12] };
    canvas.addEventListener('keydown', (event) => {
      const way = keys[event.key];
      if (way !== undefined) turnBy(...way);
      else if (event.key === '+' || event.key === '-') zoomBy(event.key === '+' ? 0.9 : 1.1);
      else return;
      event.preventDefault();
    });
  }

  function fail(figure, error) {
    const note = figure.querySelector('.why-still');
    if (note !== null) note.textContent = `A picture, since ${error.message}.`;
    figure.querySelector('.controls3d')?.remove();
    figure.querySelector('.stage3d')?.replaceWith(figure.still);
    delete figure.dataset.shown;
  }

  for (const figure of document.querySelectorAll('figure.space')) {
    figure.still = figure.querySelector('img');
    show(figure).catch((error) => fail(figure, error));
  }
})();
