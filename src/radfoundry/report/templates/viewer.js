{
  const TURN = 15;  // degrees for one press of an arrow key
  let loading;

  const able = () => {
    if (!("DecompressionStream" in window)) return false;
    const context = document.createElement("canvas").getContext("webgl2");
    context?.getExtension("WEBGL_lose_context")?.loseContext();  // browsers allow few at a time
    return Boolean(context);
  };

  const unpacked = async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  };

  const library = async () => {
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(await unpacked(document.getElementById("viewer-code").textContent));
    document.head.append(script);  // runs now, if it is the one that the page's policy names
    if (!window.niivue) throw new Error("this browser did not run the viewer's code");
    return window.niivue;
  };

  const colormap = (codes) => {
    const channel = (at) => [0, ...codes.map((code) => code.rgb[at])];
    return { R: channel(0), G: channel(1), B: channel(2), A: [0, ...codes.map((code) => code.seen ? 255 : 0)] };
  };

  const started = async (figure, data) => {
    const { Niivue, NVImage, SHOW_RENDER } = await (loading ??= library());
    const [where, canvas] = [figure.querySelector(".where"), figure.querySelector("canvas")];
    const ranges = [...figure.querySelectorAll("input")];
    const state = { volume: 0, window: 0, view: "slices", labels: true };
    const shown = () => data.volumes[state.volume];
    const nv = new Niivue({
      backColor: [0, 0, 0, 1], fontColor: [1, 1, 1, 1], crosshairColor: [0.84, 0.37, 0, 0.7], crosshairWidth: 0.3,
      crosshairWidthUnit: "percent", crosshairGap: 4, multiplanarPadPixels: 14,
      isRadiologicalConvention: true, sagittalNoseLeft: true, showAllOrientationMarkers: true, isOrientCube: true,
      multiplanarShowRender: SHOW_RENDER.NEVER, dragAndDropEnabled: false, scrollRequiresFocus: true,
      clipPlaneColor: [0, 0, 0, 0], clipPlaneHotKey: "", cycleClipPlaneHotKey: "", viewModeHotKey: "", logLevel: "silent", loadingText: "",
    });
    nv.onLocationChange = ({ vox, values }) => {
      const sizes = nv.volumes[0].dimsRAS.slice(1);
      ranges.forEach((range, axis) => {
        range.max = sizes[axis] - 1;
        range.value = axis ? vox[axis] : sizes[0] - 1 - vox[0];
      });
      const { low, high, unit, codes } = shown();
      const exact = low + (high - low) * values[0].value / 255;
      const value = unit ? Math.round(exact) : Number(exact.toPrecision(2));  // an MR's units may be small
      const open = values[0].value <= 0 ? " or less" : values[0].value >= 255 ? " or more" : "";
      const name = values[1] && codes[values[1].value - 1]?.name;
      where.textContent = `At the cross: about ${value}${unit}${open}${name ? `; ${name}` : ""}`;
    };
    const image = (base64, ends) =>
      NVImage.loadFromBase64({ base64, name: "volume.nii.gz", colormap: "gray", cal_min: ends[0], cal_max: ends[1] });
    const draw = () => {
      const [low, high] = shown().windows[state.window];
      [nv.volumes[0].cal_min, nv.volumes[0].cal_max] = [low, high];
      if (nv.volumes[1]) nv.volumes[1].opacity = state.labels ? data.opacity : 0;
      nv.setSliceType(state.view === "3d" ? nv.sliceTypeRender : nv.sliceTypeMultiplanar);
      nv.updateGLVolume();
      figure.querySelector(".planes").hidden = state.view === "3d";
      where.hidden = state.view === "3d";
    };
    const load = async () => {
      const { image: gray, labels, codes, center, windows } = shown();
      while (nv.volumes.length) nv.removeVolume(nv.volumes[0]);
      nv.addVolume(await image(gray, windows[0]));
      if (labels) {
        const painted = await image(labels, [0, codes.length]);
        painted.setColormapLabel(colormap(codes));
        nv.addVolume(painted);
      }
      nv.scene.crosshairPos = nv.vox2frac(center);
      draw();
      nv.createOnLocationChange();
    };
    const press = async (button) => {
      const { act, value } = button.dataset;
      if (act === "labels") state.labels = !state.labels;
      else state[act] = act === "view" ? value : Number(value);
      for (const other of figure.querySelectorAll(`button[data-act="${act}"]`))
        other.setAttribute("aria-pressed", act === "labels" ? state.labels : other === button);
      await (act === "volume" ? load() : draw());
    };
    await nv.attachToCanvas(canvas);
    nv.setRenderAzimuthElevation(160, 10);  // from the front, and a little from the left
    await load();
    for (const button of figure.querySelectorAll("button[data-act]"))
      button.addEventListener("click", () => press(button));
    ranges.forEach((range) => range.addEventListener("input", () => {
      const at = ranges.map((other, axis) => axis ? Number(other.value) : other.max - other.value);
      nv.scene.crosshairPos = nv.vox2frac(at);
      nv.createOnLocationChange();
      nv.drawScene();
    }));
    canvas.addEventListener("keydown", (event) => {
      const turn = { ArrowLeft: [-TURN, 0], ArrowRight: [TURN, 0], ArrowUp: [0, TURN], ArrowDown: [0, -TURN] }[event.key];
      if (!turn || state.view !== "3d") return;
      event.preventDefault();
      nv.setRenderAzimuthElevation(nv.scene.renderAzimuth + turn[0], nv.scene.renderElevation + turn[1]);
    });
  };

  if (able()) for (const figure of document.querySelectorAll("figure.viewer")) {
    const [open, need] = [figure.querySelector(".open"), figure.querySelector(".need")];
    open.hidden = false;
    need.hidden = true;
    open.addEventListener("click", async () => {
      open.disabled = true;
      for (const part of figure.querySelectorAll(".stage")) part.hidden = false;
      try {
        await started(figure, JSON.parse(figure.querySelector("script").textContent));
        figure.classList.add("live");
        open.hidden = true;
        figure.querySelector("button[data-act]").focus();
      } catch (error) {
        for (const part of figure.querySelectorAll(".stage")) part.hidden = true;
        need.hidden = false;
        need.append(` (${error.message})`);
      }
    });
  }
}
