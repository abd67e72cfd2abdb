using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;
using ShopMesh.Catalog.Data;
using ShopMesh.Catalog.Pictures;

namespace ShopMesh.Catalog.Api;

/// <summary>Every product has a picture: it is drawn, so that there are no files to keep.</summary>
internal static class ProductPictures
{
    public static string PathOf(Guid product) => $"/api/catalog/products/{product}/picture";

    public static void MapProductPictures(this WebApplication app) => app.MapGet("/api/catalog/products/{id}/picture", Get)
        .AllowAnonymous()
        .WithTags("Catalog")
        .WithSummary("A product's picture, an SVG")
        .Produces<string>(StatusCodes.Status200OK, "image/svg+xml")
        .Produces(StatusCodes.Status304NotModified);

    private static async Task<Results<ContentHttpResult, NotFound, StatusCodeHttpResult>> Get(string id, CatalogContext context, HttpContext http, CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(id, out var key))
            return TypedResults.NotFound();
        var product = await context.Products.Where(p => p.Id == key).Select(p => new { p.CategoryId, p.Name, p.Version }).SingleOrDefaultAsync(cancellationToken);
        if (product is null)
            return TypedResults.NotFound();

        http.Response.GetTypedHeaders().CacheControl = new() { Public = true, MaxAge = TimeSpan.FromMinutes(5) };
        return http.IsNotModified(new EntityTagHeaderValue($"\"{product.Version}\""))
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Content(ProductPicture.Draw(key, product.CategoryId, product.Name), "image/svg+xml");
    }
}
