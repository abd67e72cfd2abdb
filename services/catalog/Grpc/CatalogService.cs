using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using ShopMesh.Catalog.Data;
using ShopMesh.Catalog.V1;

namespace ShopMesh.Catalog.Grpc;

[Authorize(Policies.Mesh)]
internal sealed class CatalogService(CatalogContext context, NpgsqlDataSource database) : V1.Catalog.CatalogBase
{
    public override async Task<GetProductsResponse> GetProducts(GetProductsRequest request, ServerCallContext call)
    {
        if (request.Ids.Count > Page.MaxLimit)
            throw new RpcException(new(StatusCode.InvalidArgument, $"At most {Page.MaxLimit} ids."));
        var ids = request.Ids.Select(id => Guid.TryParse(id, out var key) ? key : Guid.Empty).ToArray();
        var products = await database.FindProductsAsync(ids, call.CancellationToken);
        return new() { Products = { products.Select(ToMessage) } };
    }

    public override async Task<ListProductsResponse> ListProducts(ListProductsRequest request, ServerCallContext call)
    {
        var limit = request.PageSize is 0 ? Page.DefaultLimit : request.PageSize;
        var after = Guid.Empty;
        if (limit is < 1 or > Page.MaxLimit || (request.PageToken is not "" && !Guid.TryParse(request.PageToken, out after)))
            throw new RpcException(new(StatusCode.InvalidArgument, "page_size or page_token is not valid."));
        var products = await context.Products.AsNoTracking().Where(p => p.Id > after).OrderBy(p => p.Id).Take(limit + 1).ToListAsync(call.CancellationToken);
        var page = Page.Of(products, limit, ToMessage, p => p.Id.ToString());
        return new() { Products = { page.Items }, NextPageToken = page.NextCursor ?? "" };
    }

    private static V1.Product ToMessage(Data.Product product) => new()
    {
        Id = product.Id.ToString(),
        Name = product.Name,
        Description = product.Description,
        Category = product.CategoryId,
        Brand = product.Brand,
        Price = new Money(product.Price).ToMessage(),
    };
}
