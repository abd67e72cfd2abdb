namespace ShopMesh.Limits;

/// <summary>Answers from memory: <c>/product</c> and <c>/page</c>, with the bytes that the shop answers with.</summary>
internal static class BareKestrel
{
    public static WebApplication Build(WebApplicationBuilder builder)
    {
        var app = builder.Build();
        foreach (var name in new[] { "product", "page" })
        {
            var json = File.ReadAllBytes(app.Configuration[name]!);
            app.MapGet($"/{name}", async http =>
            {
                http.Response.ContentType = "application/json; charset=utf-8";
                http.Response.ContentLength = json.Length;
                await http.Response.BodyWriter.WriteAsync(json, http.RequestAborted);
            });
        }

        return app;
    }
}
